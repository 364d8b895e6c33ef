// The file of a Unix socket outlives a process that was killed, and stands in the way of the next one. Whether somebody
// still listens there is found out by connecting.
import { lstat, rm } from 'node:fs/promises'
import { connect } from 'node:net'

/** Removes the file, if it is a socket's and nobody listens there: whether it has. */
export async function removeStaleSocket(path: string): Promise<boolean> {
  const isSocket = await lstat(path).then(found => found.isSocket(), () => false)
  if (!isSocket || await isAnswered(path)) return false
  await rm(path, { force: true })
  return true
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', ({ code }: NodeJS.ErrnoException) => { resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT') })
  })
}
