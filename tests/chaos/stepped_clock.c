/* A wall clock that steps while a program runs, and no other clock of it: to be preloaded.
 *
 * STEPPED_CLOCK names a file with a 64-bit number of nanoseconds, which is shared by a process and
 * its children: whoever writes it makes their wall clock step at once. The library gives that clock,
 * and translates the waits until a time of day; seconds since the start of the computer are smaller
 * than any time of day since 2001. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define IS_TIME_OF_DAY(t) ((t)->tv_sec > 1000000000)

static const long long none;
static const volatile long long *ahead = &none;

__attribute__((constructor)) static void find_step(void) {
    const char *path = getenv("STEPPED_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *shared = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
    if (shared != MAP_FAILED) ahead = shared;
    close(file);
}

static struct timespec moved(const struct timespec *moment, long long by) {
    long long whole = moment->tv_sec * SECOND + moment->tv_nsec + by;
    return (struct timespec){whole / SECOND, whole % SECOND};
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        *now = moved(now, *ahead);
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec read;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &read);
    *now = (struct timeval){read.tv_sec, read.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *now) {
    struct timespec read;
    clock_gettime(CLOCK_REALTIME, &read);
    if (now) *now = read.tv_sec;
    return read.tv_sec;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    if (!IS_TIME_OF_DAY(until))
        return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, until);
    struct timespec moment = moved(until, -*ahead);
    return pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &moment);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    struct timespec moment = moved(until, -*ahead);
    return sem_clockwait(semaphore, CLOCK_REALTIME, &moment);
}
