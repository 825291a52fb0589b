// Every request to the server goes through here, so an error has one form.

// APIError is an answer that is no success. The text is the server's; hint says
// what to do.
class APIError extends Error {
  constructor(status, text, hint) {
    super(text)
    this.status = status
    this.hint = hint || ''
  }
}

// path joins a path and its parameters; empty ones are left out, of a list each is one.
export function path(base, parameters = {}) {
  const query = new URLSearchParams()
  for (const [key, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) if (one !== undefined && one !== null && one !== '') query.append(key, one)
  }
  const text = query.toString()
  return text ? base + '?' + text : base
}

export async function get(base, parameters, signal) {
  return (await request('GET', path(base, parameters), undefined, signal)).json()
}

// send posts or puts an object as JSON, or a File as it is.
export async function send(method, base, body, signal) {
  const answer = await request(method, base, body, signal)
  const text = await answer.text()
  return text ? JSON.parse(text) : {}
}

// lines posts an object and hands each line of the answer, JSON, to take.
export async function lines(base, body, take, signal) {
  const answer = await request('POST', base, body, signal)
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const {done, value} = await reader.read()
    if (done) break
    const parts = (rest + value).split('\n')
    rest = parts.pop()
    for (const part of parts) if (part) take(JSON.parse(part))
  }
  if (rest) take(JSON.parse(rest))
}

async function request(method, url, body, signal) {
  const options = {method, signal, headers: {}}
  if (body instanceof Blob) {
    options.body = body
  } else if (body !== undefined) {
    options.body = JSON.stringify(body)
    options.headers['Content-Type'] = 'application/json'
  }
  let answer
  try {
    answer = await fetch(url, options)
  } catch (cause) {
    if (cause.name === 'AbortError') throw cause
    throw new APIError(0, 'sluice does not answer', 'Is sluice serve still running? The page connects again by itself.')
  }
  if (answer.ok) return answer
  throw await failure(answer.status, await answer.text())
}

// failure makes an error of an answer's status and body.
export function failure(status, body) {
  if (status === 401) dispatchEvent(new Event('signedout'))
  try {
    const {error, hint} = JSON.parse(body)
    return new APIError(status, error, hint)
  } catch {
    return new APIError(status, 'the server answered with status ' + status)
  }
}
