// One thread, which writes the line.
#include <pthread.h>
#include <unistd.h>

static void *hello(void *unused) {
    write(1, "Hello, world!\n", 14);
    return unused;
}

int main(void) {
    pthread_t thread;
    return pthread_create(&thread, 0, hello, 0) || pthread_join(thread, 0);
}
