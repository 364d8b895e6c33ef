// Files that must be read from the disk again: by GNU's dd, which syncs each and tells the kernel that its pages are not
// needed. The caches of the other processes are left alone.
import { spawnSync } from 'node:child_process'

/** @param {readonly string[]} files @returns {boolean} false where that can't be done */
export function dropFromPageCache(files) {
  return files.every(file => spawnSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']).status === 0)
}
