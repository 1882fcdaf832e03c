/* A disk that fails: preloaded into a process, lets writes and syncs of regular files fail now and then,
 * with EIO or ENOSPC, some of them half done; and all of them with ENOSPC while the file FAULT_FULL is there.
 *
 * FAULT_EVERY: one call of so many fails. FAULT_SEED: which ones. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_ulong calls;
static uint64_t every, seed;
static const char *full;

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("FAULT_EVERY");
  every = text ? strtoull(text, NULL, 10) : 0;
  text = getenv("FAULT_SEED");
  seed = (text ? strtoull(text, NULL, 10) : 0) + (uint64_t)getpid() * 1000003u;
  full = getenv("FAULT_FULL");
}

static uint64_t draw(void) { /* splitmix64 */
  uint64_t z = seed + (atomic_fetch_add(&calls, 1) + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* 0, or the error with which this call fails; `half` where some of it is done first. */
static int strike(int fd, int writes, int *half) {
  struct stat about;
  int before = errno;
  if (fd <= 2 || fstat(fd, &about) || !S_ISREG(about.st_mode)) {
    errno = before;
    return 0;
  }
  int is_full = writes && full && access(full, F_OK) == 0;
  errno = before;
  if (is_full) return ENOSPC;
  uint64_t drawn = draw();
  if (!every || drawn % every) return 0;
  *half = (drawn >> 40) & 1;
  return (drawn >> 41) & 1 ? EIO : ENOSPC;
}

#define REAL(name, type, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL("write", ssize_t, int, const void *, size_t);
  int half = 0, error = strike(fd, 1, &half);
  if (!error) return real(fd, bytes, length);
  if (half && length > 1) return real(fd, bytes, length / 2);
  errno = error;
  return -1;
}

#define PWRITE(name, offset_type) \
  ssize_t name(int fd, const void *bytes, size_t length, offset_type offset) { \
    REAL(#name, ssize_t, int, const void *, size_t, offset_type); \
    int half = 0, error = strike(fd, 1, &half); \
    if (!error) return real(fd, bytes, length, offset); \
    if (half && length > 1) return real(fd, bytes, length / 2, offset); \
    errno = error; \
    return -1; \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define SIMPLE(name, writes, parameters, arguments) \
  int name parameters { \
    static int(*real) parameters; \
    if (!real) real = (int(*) parameters)dlsym(RTLD_NEXT, #name); \
    int half = 0, error = strike(fd, writes, &half); \
    if (!error) return real arguments; \
    errno = error; \
    return -1; \
  }
SIMPLE(fsync, 0, (int fd), (fd))
SIMPLE(fdatasync, 0, (int fd), (fd))
SIMPLE(ftruncate, 1, (int fd, off_t length), (fd, length))
SIMPLE(ftruncate64, 1, (int fd, off64_t length), (fd, length))
