// The time to start a program, let it run and reap it.
//
// Usage: start ROUNDS LABEL=PROGRAM...   The programs take turns; what they print goes to /dev/null.
// Prints `start_LABEL MICROSECONDS us`, a median, for each. A program that fails ends it all.
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static double now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int compare(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 0, programs = argc - 2;
    if (rounds < 1 || programs < 1)
        return 2;
    double *times = calloc((size_t)rounds * programs, sizeof *times);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    // The first round warms up.
    for (int round = -1; round < rounds; round++)
        for (int i = 0; i < programs; i++) {
            char *program = strchr(argv[i + 2], '=') + 1;
            char *arguments[] = {program, 0}, *environment[] = {0};
            pid_t child;
            int status;
            double begin = now_us();
            if (posix_spawn(&child, program, &actions, 0, arguments, environment) ||
                waitpid(child, &status, 0) != child || status) {
                fprintf(stderr, "%s failed\n", program);
                return 1;
            }
            if (round >= 0)
                times[(size_t)i * rounds + round] = now_us() - begin;
        }
    for (int i = 0; i < programs; i++) {
        double *own = times + (size_t)i * rounds;
        int length = strchr(argv[i + 2], '=') - argv[i + 2];
        qsort(own, rounds, sizeof *own, compare);
        printf("start_%.*s %.3f us\n", length, argv[i + 2], own[rounds / 2]);
    }
    return 0;
}
