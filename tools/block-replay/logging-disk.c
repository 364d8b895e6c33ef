// A disk that remembers: a FUSE file system with one file, `disk`, whose every change is first written to a log.
// A loop device over the file is a block device for a real file system; the log tells what the device had been given,
// in which order, and when it was asked to flush. block-log.mjs reads it and makes of it what a power cut leaves.
//
//   logging-disk <backing file> <log> <mount point>       prints a line once it is mounted; ends with its parent
//
// An entry of the log, in the machine's byte order:   kind u32 | 0 u32 | position u64 | bytes u64 | data, if it is a write
//
// Only one thread serves, so an entry stands behind every write that had been answered when its call came in. The
// kernel may not keep writes back (no writeback_cache): a write has reached the log when the loop device has its answer.
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE = 1, FLUSH = 2, ZERO = 3 };

struct entry {
  uint32_t kind;
  uint32_t unused;
  uint64_t position;
  uint64_t bytes;
};

static const char DISK[] = "/disk";
static int backing = -1;
static int journal = -1;

// All of it or an error: an entry that is cut short would make the rest of the log unreadable.
static int note(enum kind kind, off_t position, uint64_t bytes, const char *data) {
  struct entry entry = {kind, 0, (uint64_t)position, bytes};
  struct iovec parts[2] = {{&entry, sizeof entry}, {(void *)data, data == NULL ? 0 : bytes}};
  ssize_t wanted = (ssize_t)(parts[0].iov_len + parts[1].iov_len);
  return writev(journal, parts, 2) == wanted ? 0 : -EIO;
}

static int disk_write(const char *path, const char *data, size_t bytes, off_t position, struct fuse_file_info *file) {
  (void)path, (void)file;
  int failed = note(WRITE, position, bytes, data);
  if (failed) return failed;
  ssize_t written = pwrite(backing, data, bytes, position);
  return written < 0 ? -errno : (int)written;
}

static int disk_fsync(const char *path, int data_only, struct fuse_file_info *file) {
  (void)path, (void)data_only, (void)file;
  return note(FLUSH, 0, 0, NULL);
}

// What the file system discards reads as zeros from then on, as far as the loop device promises anything.
static int disk_fallocate(const char *path, int mode, off_t position, off_t bytes, struct fuse_file_info *file) {
  (void)path, (void)file;
  if (!(mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))) return -EOPNOTSUPP;
  int failed = note(ZERO, position, (uint64_t)bytes, NULL);
  if (failed) return failed;
  return fallocate(backing, mode, position, bytes) ? -errno : 0;
}

static int disk_read(const char *path, char *data, size_t bytes, off_t position, struct fuse_file_info *file) {
  (void)path, (void)file;
  ssize_t filled = pread(backing, data, bytes, position);
  return filled < 0 ? -errno : (int)filled;
}

static int disk_getattr(const char *path, struct stat *found, struct fuse_file_info *file) {
  (void)file;
  if (strcmp(path, "/") == 0) {
    found->st_mode = S_IFDIR | 0700;
    found->st_nlink = 2;
    return 0;
  }
  if (strcmp(path, DISK) != 0) return -ENOENT;
  if (fstat(backing, found) != 0) return -errno;
  found->st_mode = S_IFREG | 0600;
  found->st_nlink = 1;
  return 0;
}

static int disk_open(const char *path, struct fuse_file_info *file) {
  (void)file;
  return strcmp(path, DISK) == 0 ? 0 : -ENOENT;
}

static void *disk_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  (void)connection, (void)config;
  puts("mounted");
  fflush(stdout);
  return NULL;
}

static const struct fuse_operations operations = {
  .init = disk_init,
  .getattr = disk_getattr,
  .open = disk_open,
  .read = disk_read,
  .write = disk_write,
  .fsync = disk_fsync,
  .fallocate = disk_fallocate,
};

int main(int count, char **arguments) {
  if (count != 4) {
    fputs("usage: logging-disk <backing file> <log> <mount point>\n", stderr);
    return 2;
  }
  // Not SIGKILL: the last process of a mount table unmounts what is on this disk while it exits, and would wait for
  // its own answers. At SIGTERM the connection is closed first, and the file system gets errors.
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  backing = open(arguments[1], O_RDWR | O_CLOEXEC);
  journal = open(arguments[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (backing < 0 || journal < 0) {
    perror("logging-disk");
    return 1;
  }
  char *fuse[] = {arguments[0], "-f", "-s", arguments[3]};
  return fuse_main(4, fuse, &operations, NULL);
}
