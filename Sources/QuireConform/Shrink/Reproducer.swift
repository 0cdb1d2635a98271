// A workload as a C program that stands alone: the calls one after the other, each with its result, and at the end what
// /proc says of every process. Processes take turns: a counter in shared memory says whose call is next.

/// Writes C.
public enum Reproducer {
    /// The program for a workload.
    public static func program(_ operations: [Operation], comment: String) -> String {
        let lines = runnable(operations)
        var text = comment.split(separator: "\n").reduce("") { $0 + "// \($1)\n" }
        text += prelude
        if lines.contains(where: { $0.call == .brk }) { text += "    place_heap();\n" }
        var pinners: [UInt64: Int] = [:]
        for operation in lines {
            if operation.call == .gup { pinners[operation.argument(3)] = operation.process }
            // Its ring is the process's own.
            let who = operation.call == .unpin ? pinners[operation.argument(0)] ?? 0 : operation.process
            text += "    STEP(\(who), \(statement(operation)));\n"
        }
        text += "    for (int who = 0; who <= \((lines.map(\.process).max() ?? 0)); who++) if (me == who) show();\n"
        // The first process leaves last, when its children have shown what they have.
        return text + "    while (wait(0) > 0);\n    return 0;\n}\n"
    }

    private static func statement(_ operation: Operation) -> String {
        let line = "\"" + operation.line.filter { $0 != "\"" } + "\""
        func number(_ index: Int) -> String { hex(operation.argument(index)) + "ul" }
        func call(_ name: String, _ arguments: [String]) -> String {
            "CALL(\(line), syscall(SYS_\(name)\(arguments.map { ", " + $0 }.joined())))"
        }
        switch operation.call {
        case .mincore: return "residence(\(line), \(number(0)), \(number(1)))"
        case .store: return "access_bytes(\(line), \(number(0)), \(number(1)), 1, 1, \(number(2)))"
        case .load: return "access_bytes(\(line), \(number(0)), \(number(1)), 1, 0, 0)"
        case .touchWrite: return "access_bytes(\(line), \(number(0)), \(number(1)), 4096, 1, -1)"
        case .touchRead: return "access_bytes(\(line), \(number(0)), \(number(1)), 4096, 0, 0)"
        case .memfd: return call("memfd_create", ["\"conform\"", number(0)])
        case .readText: return "read_text(\(line), \(number(0)), \(number(1)), \(number(2)))"
        case .writeText:
            return call("pwrite64", [number(0), "\"\(operation.filledText)\"", number(1), number(2)])
        // A vfork child that takes turns with nobody else has memory of its own here.
        case .fork, .clone, .vfork: return "become(\(line), \(operation.argument(0)))"
        case .seal: return call("fcntl", [number(0), "F_ADD_SEALS", number(1)])
        case .adviseSelf: return "advise_self(\(line), \(number(0)), \(number(1)), \(number(2)))"
        case .exit: return "*turn += 1; _exit(0)"
        case .wait4: return call("wait4", ["children[\(operation.argument(0))]", "0", "0", "0"])
        case .nameArea: return call("prctl", ["PR_SET_VMA", "0", number(0), number(1), "\"conform\""])
        case .disableHugePages: return call("prctl", ["PR_SET_THP_DISABLE", number(0), number(1), "0", "0"])
        case .knob:
            let parts = (HugeKnobs.setting(operation.argument(0), operation.argument(1)) ?? "=").split(separator: "=")
            return "write_file(\"\(parts.first ?? "")\", \"\(parts.last ?? "")\")"
        case .khugepaged: return "pass(\(line))"
        case .dropCaches: return "write_file(\"/proc/sys/vm/drop_caches\", \"2\")"
        case .statistic: return "show_file(\(operation.line.drop { $0 != "\"" }.filter { $0 != ")" }))"
        case .gup: return "pin(\(line), \(operation.argument(3)), \(number(0)), \(number(1)), \(number(2)))"
        case .unpin: return "unpin(\(line), \(operation.argument(0)))"
        case .mmap, .munmap, .mprotect, .brk, .mremap, .madvise, .mlock, .mlock2, .munlock, .mlockall, .munlockall,
            .msync,
            .ftruncate, .fallocate, .pread, .pwrite, .dup, .close:
            let form = CallForm.of(operation.call)
            return call(form.name, form.kinds.indices.map(number))
        }
    }

    private static let prelude = """
        // Build: cc -o reproducer this.c; run as root, with address randomisation as it is.
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <sched.h>
        #include <setjmp.h>
        #include <signal.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        #include <sys/mman.h>
        #include <sys/prctl.h>
        #include <sys/syscall.h>
        #include <sys/wait.h>
        #include <unistd.h>

        #ifndef PR_SET_VMA
        #define PR_SET_VMA 0x53564d41
        #endif

        static volatile int *turn;
        static int me, children[1024];
        static sigjmp_buf out;
        static volatile siginfo_t caught;

        static void on_signal(int number, siginfo_t *info, void *context) {
            caught = *info;
            siglongjmp(out, number);
        }

        __attribute__((unused)) static void access_bytes(const char *line, unsigned long at, unsigned long count, unsigned long step, int write,
                                 int byte) {
            unsigned long end = at + count, hash = 0xcbf29ce484222325;
            int number = sigsetjmp(out, 1);
            if (number) {
                printf("%s = signal %d code %d at %p\\n", line, number, caught.si_code, caught.si_addr);
                return;
            }
            while (at < end) {
                volatile unsigned char *place = (void *)at;
                if (write) *place = byte < 0 ? at >> 12 : byte;
                else hash = (hash ^ *place) * 0x100000001b3;
                at = step == 1 ? at + 1 : (at & ~4095ul) + 4096;
            }
            printf("%s = done%s%lx\\n", line, write ? " " : " fnv1a64 ", write ? 0 : hash);
        }

        __attribute__((unused)) static void residence(const char *line, unsigned long at, unsigned long count) {
            static unsigned char pages[1 << 16];
            long result = syscall(SYS_mincore, at, count, pages);
            printf("%s = %ld %s ", line, result, result < 0 ? strerror(errno) : "");
            for (unsigned long page = 0; result == 0 && page < count / 4096; page++) printf("%d", pages[page] & 1);
            printf("\\n");
        }

        __attribute__((unused)) static void read_text(const char *line, int file, unsigned long count, unsigned long offset) {
            static unsigned char bytes[1 << 16];
            long result = syscall(SYS_pread64, file, bytes, count, offset);
            printf("%s = %ld %s ", line, result, result < 0 ? strerror(errno) : "");
            for (long place = 0; place < result; place++) printf("%02x", bytes[place]);
            printf("\\n");
        }

        __attribute__((unused)) static void advise_self(const char *line, unsigned long at, unsigned long count, unsigned long advice) {
            struct { unsigned long at, count; } range = {at, count};
            long result = syscall(SYS_process_madvise, -10000, &range, 1, advice, 0);
            printf("%s = %ld %s\\n", line, result, result < 0 ? strerror(errno) : "");
        }

        __attribute__((unused)) static void write_file(const char *path, const char *text) {
            int file = open(path, O_WRONLY);
            if (file < 0 || write(file, text, strlen(text)) < 0) perror(path);
            close(file);
        }

        __attribute__((unused)) static long show_file(const char *path) {
            char text[64] = "";
            int file = open(path, O_RDONLY);
            if (file < 0 || read(file, text, sizeof text - 1) < 0) perror(path);
            close(file);
            printf("%s = %s", path, text);
            return atol(text);
        }

        // khugepaged makes a whole pass over all processes.
        __attribute__((unused)) static void pass(const char *line) {
            #define KHUGEPAGED "/sys/kernel/mm/transparent_hugepage/khugepaged/"
            write_file(KHUGEPAGED "pages_to_scan", "100000000");
            long before = show_file(KHUGEPAGED "full_scans");
            write_file(KHUGEPAGED "scan_sleep_millisecs", "4000000000");
            while (show_file(KHUGEPAGED "full_scans") <= before) usleep(1000);
            printf("%s\\n", line);
        }

        // Pins: fixed buffers of io_uring; plain references: pages in a pipe.
        static int ring = -1, pipes[1024][2];

        __attribute__((unused)) static long set_buffer(unsigned place, unsigned long at, unsigned long count) {
            unsigned long buffer[2] = {at, count}, table[4] = {256 | 1ul << 32}, parameters[15] = {0};
            if (ring < 0) {
                ring = syscall(425, 1, parameters); // io_uring_setup
                if (syscall(427, ring, 15, table, 32) < 0) perror("io_uring_register"); // a sparse table
            }
            unsigned long update[4] = {place, (unsigned long)buffer, 0, 1};
            return syscall(427, ring, 16, update, 32); // IORING_REGISTER_BUFFERS_UPDATE
        }

        __attribute__((unused)) static void pin(const char *line, int handle, unsigned long at, unsigned long count,
                                                unsigned long flags) {
            unsigned long range[2] = {at, count};
            long result;
            errno = 0;
            if (flags & 2) {
                if (pipe(pipes[handle]) < 0 || fcntl(pipes[handle][1], 1031, count + 8192) < 0) perror("pipe");
                result = syscall(SYS_vmsplice, pipes[handle][1], range, 1, 2);
            } else {
                result = set_buffer(handle, at, count);
            }
            printf("%s = %ld %s\\n", line, result, errno ? strerror(errno) : "");
        }

        __attribute__((unused)) static void unpin(const char *line, int handle) {
            if (pipes[handle][0]) { close(pipes[handle][0]); close(pipes[handle][1]); pipes[handle][0] = 0; }
            else set_buffer(handle, 0, 0);
            printf("%s\\n", line);
        }

        // The heap begins where a workload's does.
        __attribute__((unused)) static void place_heap(void) {
            unsigned long map[13];
            for (int at = 0; at < 13; at++) map[at] = 0x10000; // code, data, stack, arguments, environment
            map[1] = 0x11000; // the end of the code
            map[4] = map[5] = 0x180000000000; // the heap
            map[11] = 0, map[12] = 0xffffffff00000000; // no auxiliary vector, no program
            if (syscall(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, map, sizeof map, 0)) perror("the heap's place");
        }

        __attribute__((unused)) static void become(const char *line, int number) {
            long child = fork();
            if (child == 0) me = number; else { children[number] = child; printf("%s\\n", line); }
        }

        static void show(void) {
            char text[512];
            int inside = 0;
            FILE *file = fopen("/proc/self/smaps", "r");
            while (file && fgets(text, sizeof text, file)) {
                unsigned long start;
                if (sscanf(text, "%lx-", &start) == 1 && strchr(text, '-') < strchr(text, ' ')) {
                    inside = start >> 44 == 1;
                    if (inside) printf("process %d: %s", me, text);
                } else if (inside && (!strncmp(text, "Rss:", 4) || !strncmp(text, "Anonymous:", 10)
                                      || !strncmp(text, "Locked:", 7) || !strncmp(text, "VmFlags:", 8))) {
                    printf("    %s", text);
                }
            }
        }

        #define CALL(line, call) do { \\
                errno = 0; \\
                long result = (call); \\
                printf("%s = %#lx %s\\n", line, result, errno ? strerror(errno) : ""); \\
            } while (0)
        #define STEP(who, ...) do { \\
                while (*turn != step) sched_yield(); \\
                if (me == (who)) { int mine = me; __VA_ARGS__; if (me == mine) *turn = step + 1; } \\
                else while (*turn == step) sched_yield(); \\
                step++; \\
            } while (0)

        int main(void) {
            int step = 0;
            struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
            sigaction(SIGSEGV, &action, 0);
            sigaction(SIGBUS, &action, 0);
            setvbuf(stdout, 0, _IONBF, 0);
            turn = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        """
}
