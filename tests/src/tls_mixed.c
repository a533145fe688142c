/* Thread-locals of C for the program tls_mixed, compiled as if for a library, so that each access is
   a call of __tls_get_addr; the linker may replace those, but not the one that is written out. */

_Thread_local int c_initial = 0x0c0ffee0;
static _Thread_local unsigned char c_zero[64] __attribute__((aligned(64)));

int *c_initial_address(void) { return &c_initial; }

unsigned char *c_zero_address(void) { return c_zero; }

struct index {
  unsigned long module, offset;
};

extern void *__tls_get_addr(struct index *);
#ifdef __i386__
/* What compilers call there: the argument is in a register. */
extern void *___tls_get_addr(struct index *) __attribute__((regparm(1)));
#endif

void *c_get_address(unsigned long offset) {
  struct index index = {1, offset};
  void *address = __tls_get_addr(&index);
#ifdef __i386__
  if (___tls_get_addr(&index) != address) return 0;
#endif
  return address;
}
