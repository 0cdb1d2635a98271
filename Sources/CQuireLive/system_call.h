// A system call without a library: what a worker has left when it has given up the rest of its memory.
#ifndef QUIRE_SYSTEM_CALL_H
#define QUIRE_SYSTEM_CALL_H

#include <stdint.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

#if defined(__linux__) && defined(__x86_64__)
#define QUIRE_HAS_SYSTEM_CALL 1

/// The kernel's answer: minus errno for an error.
static inline __attribute__((always_inline)) int64_t system_call(
    long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    int64_t result;
    register uint64_t r10 __asm__("r10") = d;
    register uint64_t r8 __asm__("r8") = e;
    register uint64_t r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#elif defined(__linux__) && defined(__aarch64__)
#define QUIRE_HAS_SYSTEM_CALL 1

/// The kernel's answer: minus errno for an error.
static inline __attribute__((always_inline)) int64_t system_call(
    long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
    register long x8 __asm__("x8") = number;
    register uint64_t x0 __asm__("x0") = a;
    register uint64_t x1 __asm__("x1") = b;
    register uint64_t x2 __asm__("x2") = c;
    register uint64_t x3 __asm__("x3") = d;
    register uint64_t x4 __asm__("x4") = e;
    register uint64_t x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
    return (int64_t)x0;
}

#else
#define QUIRE_HAS_SYSTEM_CALL 0
#endif

#endif
