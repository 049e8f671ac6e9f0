/* The machine's clock as one process sees it, moved while it runs.
 *
 * Preloaded: a process whose last argument is N reads its step, nanoseconds in a long long, from
 * the file $CLOCK_STEPS/N, mapped, so that whoever writes there moves it at once. Only the time of
 * day moves; monotonic clocks are left alone, as on a machine whose clock is set. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long long *step;

__attribute__((constructor)) static void open_step(void)
{
    char line[65536], path[4096];
    const char *folder = getenv("CLOCK_STEPS"), *last = line, *at;
    int file = open("/proc/self/cmdline", O_RDONLY);
    ssize_t size;
    if (folder == NULL || file < 0)
        return;
    size = read(file, line, sizeof line - 1);
    close(file);
    if (size <= 0)
        return;
    line[size] = 0;
    for (at = line; at < line + size; at += strlen(at) + 1)
        last = at;
    if (strchr(last, '/') != NULL || strlen(last) > 32)
        return;
    snprintf(path, sizeof path, "%s/%s", folder, last);
    file = open(path, O_RDONLY);
    if (file < 0)
        return;
    step = mmap(NULL, sizeof *step, PROT_READ, MAP_SHARED, file, 0);
    if (step == MAP_FAILED)
        step = NULL;
    close(file);
}

int clock_gettime(clockid_t id, struct timespec *found)
{
    static int (*real)(clockid_t, struct timespec *);
    int result;
    if (real == NULL)
        real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    result = real(id, found);
    if (result == 0 && step != NULL && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        long long moved = found->tv_sec * 1000000000LL + found->tv_nsec + *step;
        found->tv_sec = moved / 1000000000LL;
        found->tv_nsec = moved % 1000000000LL;
    }
    return result;
}

int gettimeofday(struct timeval *found, void *zone)
{
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    (void)zone;
    found->tv_sec = now.tv_sec;
    found->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t *found)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (found != NULL)
        *found = now.tv_sec;
    return now.tv_sec;
}
