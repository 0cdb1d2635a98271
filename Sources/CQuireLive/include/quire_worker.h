// A process of a workload on the live kernel, and the channel on which its controller talks to it.
//
// The channel is a SOCK_SEQPACKET pair: one request, one reply. Bytes that travel with a message lie in the worker's
// scratch buffer, whose address the controller may use as an argument of a system call.
#ifndef QUIRE_WORKER_H
#define QUIRE_WORKER_H

#include <stdint.h>

/// The first address that a workload may use, and the first one past the last.
#define QUIRE_WINDOW_START 0x100000000000ull
#define QUIRE_WINDOW_END   0x200000000000ull

#define QUIRE_SCRATCH_SIZE (64u * 1024)
/// Where every worker has its scratch buffer: the front of its one writable block, outside of the window.
#define QUIRE_SCRATCH      0x210000000000ull

/// Where brk begins in every worker: inside of the window.
#define QUIRE_HEAP         0x180000000000ull

enum quire_operation {
    QUIRE_SYSTEM_CALL, // number, arguments[0..5]
    QUIRE_STORE,       // arguments: address, bytes, value
    QUIRE_LOAD,        // arguments: address, bytes
    QUIRE_TOUCH_WRITE, // arguments: address, bytes
    QUIRE_TOUCH_READ,  // arguments: address, bytes
    QUIRE_FORK,        // number, arguments of fork's kin; the child's end of a new channel comes along
    QUIRE_VFORK,       // likewise; the child runs in this process's memory, and the reply comes when it is gone
    QUIRE_LITMUS,      // runs a litmus test many times: quire_litmus.h
};

struct quire_request {
    uint32_t operation;
    uint32_t wanted; // how many scratch bytes the reply shall carry
    uint64_t number;
    uint64_t arguments[6];
};

struct quire_reply {
    int64_t result; // of a system call; a new process's first reply has its process id
    int32_t error;  // errno, 0 for success; in the first worker's first reply, why its heap is not at QUIRE_HEAP
    int32_t signal; // SIGSEGV or SIGBUS, 0 for none
    int32_t code;   // si_code
    uint32_t carried;
    uint64_t address;        // si_addr
    uint64_t hash;           // FNV-1a of the bytes loaded
    uint64_t minflt, majflt; // faults taken by the workload's own operations so far
};

/// Numbers of the system calls that a workload's lines make, which headers for Swift do not show.
enum quire_call {
    QUIRE_MMAP, QUIRE_MUNMAP, QUIRE_MPROTECT, QUIRE_MREMAP, QUIRE_MADVISE, QUIRE_MLOCK, QUIRE_MLOCK2, QUIRE_MUNLOCK,
    QUIRE_MLOCKALL, QUIRE_MUNLOCKALL, QUIRE_MSYNC, QUIRE_MINCORE, QUIRE_FTRUNCATE, QUIRE_FALLOCATE, QUIRE_CLOSE,
    QUIRE_DUP, QUIRE_PREAD64, QUIRE_PWRITE64, QUIRE_OPENAT, QUIRE_MEMFD_CREATE, QUIRE_PRCTL, QUIRE_WAIT4,
    QUIRE_EXIT_GROUP, QUIRE_BRK, QUIRE_PROCESS_MADVISE, QUIRE_PIDFD_OPEN, QUIRE_FCNTL, QUIRE_CLONE, QUIRE_CLONE3,
    QUIRE_IO_URING_SETUP, QUIRE_IO_URING_REGISTER, QUIRE_PIPE2, QUIRE_VMSPLICE, QUIRE_WAITID,
};

/// The number of a call, as the kernel of this architecture has it.
uint64_t quire_call_number(enum quire_call call);

/// Whether this machine's architecture and address space can hold a worker.
int quire_worker_possible(void);

/// Starts the first worker on the CPU and in the directory given; `channel` is its end. Returns its pid or -1.
int32_t quire_worker_start(int channel, int cpu, const char *directory);

/// The CPUs that this process may run on, by place: -1 beyond the last.
int quire_cpu(int place);

/// Has orphans come to this process, or no longer; returns what was before.
int quire_adopt_orphans(int adopts);

/// Makes a channel: 0 or -1.
int quire_channel_make(int ends[2]);

/// Sends a request with bytes for the scratch buffer and, unless -1, a descriptor: 0 or -1.
int quire_channel_send(
    int channel, const struct quire_request *request, const void *bytes, uint64_t count, int passed);

/// Takes a reply, with up to `room` bytes that it carries: 0, or -1 if the other side is gone.
int quire_channel_receive(int channel, struct quire_reply *reply, void *bytes, uint64_t room);

/// Forks a child that ends at once: the nanoseconds that fork took here, or -errno.
int64_t quire_fork_nanoseconds(void);

/// Empties the per-CPU batches of folios, so that counters are what they will come to.
void quire_drain_folio_batches(void);

#endif
