// changedLines compares two texts by lines: [{sign: '+' | '-' | ' ', text}], with two
// lines around each change. It keeps the longest lines that both have in common.
export function changedLines(before, after) {
  const a = before.split('\n')
  const b = after.split('\n')
  if (a.length * b.length > 4e6) return []
  const common = Array.from({length: a.length + 1}, () => new Uint32Array(b.length + 1))
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1])
    }
  }
  const all = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { all.push({sign: ' ', text: a[i++]}); j++ }
    else if (i < a.length && (j === b.length || common[i + 1][j] >= common[i][j + 1])) all.push({sign: '-', text: a[i++]})
    else all.push({sign: '+', text: b[j++]})
  }
  const near = at => all.slice(Math.max(0, at - 2), at + 3).some(line => line.sign !== ' ')
  return all.filter((_, at) => near(at))
}
