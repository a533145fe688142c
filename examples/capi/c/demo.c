/* What a C program does with threadbare.h. Ends with 0, or with the number of the first claim that
   does not hold.

   With -DFREESTANDING it brings its own entry point and no libc; on the kernel's nolibc headers
   (-include nolibc.h, which defines NOLIBC) these bring the entry point; without, a libc starts it. */

#include <stdint.h>

#include "threadbare.h"

#define CLAIM(number, holds) \
    do {                     \
        if (!(holds))        \
            return number;   \
    } while (0)

static _Thread_local int mine = 40;
static _Thread_local char zeroes[100];

static tb_mutex mutex;
static tb_condition changed;
static tb_semaphore permits;
static tb_once once;
static tb_tss key;
static int counter, inits, destroyed;
static _Alignas(16) char memory[256 << 10];

static void init(void) { inits += 1; }
static void destroy(void *value) { __atomic_fetch_add(&destroyed, (int)(intptr_t)value, __ATOMIC_SEQ_CST); }

/* An array, so that a compiler with a stack protector looks at it. */
__attribute__((noinline)) static int sum(int number) {
    volatile char digits[32];
    int total = 0;
    for (int index = 0; index < 32; index++)
        digits[index] = (char)number;
    for (int index = 0; index < 32; index++)
        total += digits[index];
    return total;
}

static void *work(void *argument) {
    int number = (int)(intptr_t)argument;
    for (int round = 0; round < 1000; round++) {
        tb_mutex_lock(&mutex);
        counter += 1;
        tb_mutex_unlock(&mutex);
    }
    tb_once_call(&once, init);
    tb_semaphore_acquire(&permits);
    tb_tss_set(key, argument);
    mine += number;
    zeroes[number] = 1;
    if (sum(number) != 32 * number || tb_tss_get(key) != argument)
        return 0;
    return (void *)(intptr_t)mine;
}

static void *notify(void *argument) {
    tb_mutex_lock(&mutex);
    *(int *)argument = 1;
    tb_condition_notify_all(&changed);
    tb_mutex_unlock(&mutex);
    return argument;
}

static int run(void) {
    tb_thread threads[3];
    tb_thread_attributes attributes = {.stack_bytes = 64 << 10, .name = "worker"};
    CLAIM(1, tb_semaphore_init(&permits, 0) == 0);
    CLAIM(2, tb_tss_create(&key, destroy) == 0);
    for (intptr_t number = 0; number < 3; number++)
        CLAIM(3, tb_thread_spawn(&threads[number], &attributes, work, (void *)(number + 1)) == 0);
    tb_semaphore_release(&permits, 3);
    for (intptr_t number = 0; number < 3; number++) {
        void *result;
        CLAIM(4, tb_thread_join(&threads[number], &result) == 0);
        CLAIM(5, (intptr_t)result == 41 + number);
    }
    CLAIM(6, counter == 3000 && inits == 1 && mine == 40 && zeroes[1] == 0);
    CLAIM(7, __atomic_load_n(&destroyed, __ATOMIC_SEQ_CST) == 1 + 2 + 3 && tb_tss_get(key) == 0);
    CLAIM(8, tb_semaphore_try_acquire(&permits) != 0);

    /* Waiting for each other, on memory of the program's own. */
    static int said;
    tb_thread_attributes own = {.stack = memory, .stack_bytes = sizeof memory};
    tb_mutex_lock(&mutex);
    CLAIM(9, tb_mutex_try_lock(&mutex) != 0);
    CLAIM(10, tb_condition_wait_for(&changed, &mutex, 1000000) != 0);
    CLAIM(11, tb_thread_spawn(&threads[0], &own, notify, &said) == 0);
    while (!said)
        tb_condition_wait(&changed, &mutex);
    tb_mutex_unlock(&mutex);
    CLAIM(12, tb_thread_join(&threads[0], 0) == 0);

    /* What is wrong is refused. */
    own.stack_bytes = 100;
    CLAIM(13, tb_thread_spawn(&threads[0], &own, notify, &said) != 0);
    CLAIM(14, tb_thread_spawn(&threads[0], 0, 0, 0) != 0);
    CLAIM(15, tb_semaphore_init(&permits, (uint32_t)-1) != 0);

    /* One that nobody waits for, but by what it does. */
    said = 0;
    CLAIM(16, tb_thread_spawn(&threads[0], 0, notify, &said) == 0);
    tb_thread_detach(&threads[0]);
    tb_mutex_lock(&mutex);
    while (!said)
        tb_condition_wait(&changed, &mutex);
    tb_mutex_unlock(&mutex);
    tb_tss_delete(key);
    return 0;
}

#ifdef FREESTANDING
__attribute__((noreturn, used)) void begin(const void *stack) {
    tb_initialize_from_stack(stack);
    tb_process_exit(run());
}

/* No caller's frame, an aligned stack, and what the kernel left in the stack pointer. */
#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n ud2");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x29, xzr\n mov x30, xzr\n mov x0, sp\n bl begin\n brk #1");
#elif defined(__riscv)
__asm__(".globl _start\n_start: .option push\n .option norelax\n lla gp, __global_pointer$\n .option pop\n"
        " mv fp, zero\n mv ra, zero\n mv a0, sp\n andi sp, sp, -16\n call begin\n unimp");
#elif defined(__s390x__)
__asm__(".globl _start\n_start: lgr %r2, %r15\n aghi %r15, -160\n xc 0(8,%r15), 0(%r15)\n"
        " brasl %r14, begin\n .short 0");
#elif defined(__i386__)
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %esp, %eax\n and $-16, %esp\n sub $12, %esp\n"
        " push %eax\n call begin\n ud2");
#elif defined(__arm__)
__asm__(".globl _start\n.arm\n_start: mov r11, #0\n mov lr, #0\n mov r0, sp\n bl begin\n udf #0");
#elif defined(__powerpc64__)
__asm__(".globl _start\n_start: mr 3, 1\n bcl 20, 31, 2f\n2: mflr 2\n addis 2, 2, .TOC.-2b@ha\n"
        " addi 2, 2, .TOC.-2b@l\n li 0, 0\n stdu 0, -32(1)\n bl begin\n nop\n trap");
#elif defined(__powerpc__)
__asm__(".globl _start\n_start: mr 3, 1\n li 0, 0\n stwu 0, -16(1)\n bl begin\n trap");
#elif defined(__sparc__) && defined(__arch64__)
__asm__(".globl _start\n_start: mov %g0, %fp\n mov %g0, %i7\n add %sp, 2047 + 128, %o0\n"
        " sub %sp, 48, %sp\n call begin\n nop\n illtrap 0");
#elif defined(__mips__) && _MIPS_SIM == _ABI64
__asm__(".globl _start\n.set push\n.set noreorder\n.set noat\n_start: move $30, $zero\n move $31, $zero\n"
        " move $4, $sp\n lui $25, %highest(begin)\n daddiu $25, $25, %higher(begin)\n dsll $25, $25, 16\n"
        " daddiu $25, $25, %hi(begin)\n dsll $25, $25, 16\n daddiu $25, $25, %lo(begin)\n jr $25\n nop\n"
        ".set pop");
#elif defined(__mips__) && _MIPS_SIM == _ABIO32
__asm__(".globl _start\n.set push\n.set noreorder\n_start: move $30, $zero\n move $31, $zero\n"
        " move $4, $sp\n addiu $sp, $sp, -16\n lui $25, %hi(begin)\n addiu $25, $25, %lo(begin)\n"
        " jr $25\n nop\n.set pop");
#else
#error "write the entry point of this CPU: it calls begin with the stack pointer that it found"
#endif

#elif defined(NOLIBC)
/* The auxiliary vector comes after the environment. */
int main(int count, char **arguments, char **environment) {
    (void)count, (void)arguments;
    while (*environment)
        environment++;
    tb_initialize_from_auxv(environment + 1);
    return run();
}

#else
#include <sys/auxv.h>

int main(void) {
    tb_initialize_beside_libc((const void *)getauxval(AT_PHDR), getauxval(AT_PHNUM), getauxval(AT_PAGESZ));
    return run();
}
#endif
