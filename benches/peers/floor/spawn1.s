# A thread writes the line; the first one waits for the word that the kernel clears, and ends.
# The stack is below the first thread's own, so that nothing is mapped.
        .globl _start
_start: lea     -8(%rsp), %rbx          # the word
        lea     -4096(%rsp), %rsi       # the stack
        movl    $1, (%rbx)
        mov     $0x350f00, %edi         # a thread, without TLS
        mov     %rbx, %rdx
        mov     %rbx, %r10
        mov     $56, %eax               # clone
        syscall
        test    %eax, %eax
        jz      2f
1:      mov     (%rbx), %edx
        test    %edx, %edx
        jz      3f
        mov     %rbx, %rdi
        xor     %esi, %esi
        xor     %r10d, %r10d
        mov     $202, %eax              # futex, wait
        syscall
        jmp     1b
2:      mov     $1, %eax                # write
        mov     %eax, %edi
        lea     line(%rip), %rsi
        mov     $14, %edx
        syscall
        mov     $60, %eax               # exit
        xor     %edi, %edi
        syscall
3:      mov     $231, %eax              # exit_group
        xor     %edi, %edi
        syscall
line:   .ascii  "Hello, world!\n"
        .section .note.GNU-stack, "", @progbits
