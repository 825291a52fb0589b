// Files go into the lake from anywhere on the page. A view that wants a dropped
// file for itself marks an element with data-takes and listens to "taken".
import {failure} from './api.js'
import {el, add} from './dom.js'
import {lake} from './lake.js'
import {ask, said, saidError} from './parts.js'
import {bytes} from './format.js'

export function acceptDrops() {
  const veil = document.getElementById('drop')
  let depth = 0
  const hasFiles = event => [...event.dataTransfer.types].includes('Files')
  addEventListener('dragenter', event => {
    if (!hasFiles(event)) return
    depth++
    veil.hidden = !lake.write
  })
  addEventListener('dragleave', event => {
    if (hasFiles(event) && --depth <= 0) veil.hidden = true
  })
  addEventListener('dragover', event => hasFiles(event) && event.preventDefault())
  addEventListener('drop', event => {
    if (!hasFiles(event)) return
    event.preventDefault()
    depth = 0
    veil.hidden = true
    const place = event.target.closest?.('[data-takes]')
    if (place) place.dispatchEvent(new CustomEvent('taken', {detail: [...event.dataTransfer.files]}))
    else filesOf(event.dataTransfer).then(upload, saidError)
  })
}

// filesOf is what was dropped: files, and those in folders, with their path as name.
// What is dropped can only be asked for before the event has ended.
function filesOf(transfer) {
  const entries = [...transfer.items].map(item => item.webkitGetAsEntry?.()).filter(Boolean)
  return entries.some(entry => entry.isDirectory) ? inFolders(entries) : Promise.resolve([...transfer.files])
}

async function inFolders(entries) {
  const all = []
  for (const entry of entries) {
    if (entry.isFile) {
      const file = await new Promise((done, failed) => entry.file(done, failed))
      all.push(new File([file], entry.fullPath.replace(/^\//, '')))
      continue
    }
    const reader = entry.createReader()
    // A folder gives its entries in parts, and then none.
    for (;;) {
      const some = await new Promise((done, failed) => reader.readEntries(done, failed))
      if (!some.length) break
      all.push(...await inFolders(some))
    }
  }
  return all.filter(file => !/(^|\/)[._]/.test(file.name)) // sluice takes no hidden files
}

// upload sends files one after the other, so that a large one does not hold up
// the page's other requests.
export async function upload(files) {
  if (!lake.write) return said('This lake is read-only here. To add files, start sluice serve with --write.', 'bad')
  for (const file of files) {
    try {
      await one(file, false)
    } catch (error) {
      if (error.status !== 409) {
        saidError(error)
        continue
      }
      const yes = await ask('Replace ' + file.name + '?', 'A file of this name is in the lake. Its rows are replaced by those of the new one.', 'Replace')
      if (yes) await one(file, true).catch(saidError)
    }
  }
}

// one sends a file. fetch does not say how far an upload is; XMLHttpRequest does.
function one(file, replace) {
  const bar = el('progress', {max: file.size || 1, value: 0, 'aria-label': 'Upload of ' + file.name})
  const line = el('p', 'Adding ' + file.name + ' (' + bytes(file.size) + ')', bar)
  add(document.getElementById('messages'), line)
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest()
    request.upload.onprogress = event => { bar.value = event.loaded }
    request.onload = () => request.status < 300 ? done() : failed(failure(request.status, request.responseText))
    request.onerror = () => failed(failure(0, ''))
    request.onloadend = () => line.remove()
    request.open('POST', '/api/objects?name=' + encodeURIComponent(file.name) + (replace ? '&replace=1' : ''))
    request.send(file)
  })
}
