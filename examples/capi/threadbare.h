/* threadbare for C. Made by `cargo xtask capi --write`. */

#ifndef THREADBARE_H
#define THREADBARE_H

#include <stddef.h>
#include <stdint.h>

/*
 How many keys there may be.
 */
#define TB_TSS_KEYS_MAX 32

/*
 A thread that was started, until it is joined or detached. It may be moved.
 */
typedef struct {
  size_t words[2];
} tb_thread;

/*
 How a thread is to be made. All zero, or no attributes at all, is the default.
 */
typedef struct {
  /*
   The least size of the stack in bytes; 0 for 16 MiB, or 2 MiB on 32-bit CPUs.
   */
  size_t stack_bytes;
  /*
   Memory for the thread, of stack_bytes, which stays the thread's until it is joined, and for
   ever if it is detached; null to have some mapped.
   */
  void *stack;
  /*
   The size of the inaccessible memory below the stack in bytes; 0 for the default.
   */
  size_t guard_bytes;
  /*
   Not 0: no guard at all.
   */
  int has_no_guard;
  /*
   What debuggers and ps show, of at most 15 bytes; null for none.
   */
  const char *name;
} tb_thread_attributes;

/*
 Mutual exclusion. All zero is unlocked. It must not move while it is in use.
 */
typedef struct {
  uint32_t word;
  /*
   The holder's, while there is one.
   */
  size_t guard;
} tb_mutex;

/*
 What threads wait for until others say so. All zero is ready. It must not move while it is in
 use.
 */
typedef struct {
  uint32_t word;
} tb_condition;

/*
 A number of permits; tb_semaphore_init makes one. It must not move while it is in use.
 */
typedef struct {
  uint32_t word;
} tb_semaphore;

/*
 What is done once. All zero is not done. It must not move while it is in use.
 */
typedef struct {
  uint32_t word;
} tb_once;

/*
 A key, by which each thread has a value of its own.
 */
typedef struct {
  /*
   Its place, and how many keys there were at it before.
   */
  uint32_t place;
  uint32_t generation;
} tb_tss;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Sets the runtime up in a program with an entry point of its own, from the initial stack: what
 the kernel left in the stack pointer. Called once, by the first thread, before all else; a
 position-independent program has been relocated.

 # Safety
 1. Those of `threadbare::start::initialize`.
 */
void tb_initialize_from_stack(const void *initial_stack);

/*
 The same from the auxiliary vector, which comes after the environment on the initial stack.

 # Safety
 1. Those of `threadbare::start::initialize`.
 */
void tb_initialize_from_auxv(const void *auxiliary_vector);

/*
 Sets the runtime up in a program that is linked statically with a libc: with the values of
 getauxval(AT_PHDR), getauxval(AT_PHNUM) and getauxval(AT_PAGESZ). Threads that are started here
 must call nothing of the libc's but memcpy and its kin.

 # Safety
 1. Those of `threadbare::start::initialize_beside_libc`.
 */
void tb_initialize_beside_libc(const void *program_headers, size_t count, size_t page_bytes);

/*
 Starts a thread that calls start_function with the argument. Returns 0, or an error number:
 EAGAIN for too many threads, ENOMEM, EINVAL for a stack that is too small, another of the
 kernel's.

 # Safety
 1. `thread` has room for a thread; `attributes` is null or valid.
 2. `start_function` may be called so, in another thread.
 3. What the attributes name is the thread's, as they say.
 */
int tb_thread_spawn(tb_thread *thread,
                    const tb_thread_attributes *attributes,
                    void *(*start_function)(void*),
                    void *argument);

/*
 Waits for the thread's end; result, if it is not null, gets what the thread returned. Returns 0,
 or ESRCH for a thread that ended without a result.

 # Safety
 1. `thread` is one that was started and neither joined nor detached, which it is then.
 2. `result` is null or has room.
 */
int tb_thread_join(tb_thread *thread, void **result);

/*
 Gives the thread up: it frees what it has when it ends.

 # Safety
 1. `thread` is one that was started and neither joined nor detached, which it is then.
 */
void tb_thread_detach(tb_thread *thread);

/*
 Ends the process with the low 8 bits of the code, for programs without a libc.
 */
void tb_process_exit(int code) __attribute__((noreturn));

/*
 Takes the lock; waits while another thread holds it.

 # Safety
 1. `mutex` is one, and not held by this thread.
 */
void tb_mutex_lock(tb_mutex *mutex);

/*
 Takes the lock if nobody holds it: 0, or EBUSY.

 # Safety
 1. `mutex` is one.
 */
int tb_mutex_try_lock(tb_mutex *mutex);

/*
 Gives the lock back.

 # Safety
 1. `mutex` is held by this thread.
 */
void tb_mutex_unlock(tb_mutex *mutex);

/*
 Gives the lock back, waits to be notified, and takes it again. It may also return without that.

 # Safety
 1. `mutex` is held by this thread, and is the one that all who wait for `condition` use.
 */
void tb_condition_wait(tb_condition *condition, tb_mutex *mutex);

/*
 The same, for so many nanoseconds at most: 0, or ETIMEDOUT.

 # Safety
 1. As `tb_condition_wait`.
 */
int tb_condition_wait_for(tb_condition *condition, tb_mutex *mutex, uint64_t nanoseconds);

/*
 Wakes one of those who wait.

 # Safety
 1. `condition` is one.
 */
void tb_condition_notify_one(tb_condition *condition);

/*
 Wakes all who wait.

 # Safety
 1. `condition` is one.
 */
void tb_condition_notify_all(tb_condition *condition);

/*
 Makes a semaphore: 0, or EINVAL for more than 2^31 - 1 permits.

 # Safety
 1. `semaphore` has room for one, and is in no use.
 */
int tb_semaphore_init(tb_semaphore *semaphore, uint32_t permits);

/*
 Takes a permit; waits while there is none.

 # Safety
 1. `semaphore` is one.
 */
void tb_semaphore_acquire(tb_semaphore *semaphore);

/*
 Takes a permit if there is one: 0, or EAGAIN.

 # Safety
 1. `semaphore` is one.
 */
int tb_semaphore_try_acquire(tb_semaphore *semaphore);

/*
 Adds permits; together they must not be more than 2^31 - 1.

 # Safety
 1. `semaphore` is one.
 */
void tb_semaphore_release(tb_semaphore *semaphore, uint32_t permits);

/*
 Calls function if nobody has, and returns when it has returned, whoever called it.

 # Safety
 1. `once` is one; `function` may be called.
 */
void tb_once_call(tb_once *once, void (*function)(void));

/*
 Makes a key. At the end of each thread that this library started the destructor is called with
 the thread's value, if that is not null. Returns 0, or EAGAIN where there are TB_TSS_KEYS_MAX.

 # Safety
 1. `key` has room for one; `destructor` is null or may be called so.
 */
int tb_tss_create(tb_tss *key, void (*destructor)(void*));

/*
 Gives a key up. No destructor is called for what threads still have by it.
 */
void tb_tss_delete(tb_tss key);

/*
 Returns the calling thread's value, null if it has set none.
 */
void *tb_tss_get(tb_tss key);

/*
 Sets the calling thread's value: 0, EINVAL for what is no key, or EAGAIN at the end of a thread
 whose values are gone.
 */
int tb_tss_set(tb_tss key, void *value);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* THREADBARE_H */
