// The errors that system calls give: Linux's names and numbers, the ones that memory management uses.

/// Linux's error numbers.
public enum Errno: Int32, Error, Sendable {
    case EPERM = 1, ENOENT = 2, ESRCH = 3, EIO = 5, E2BIG = 7, EBADF = 9, ECHILD = 10, EAGAIN = 11, ENOMEM = 12
    case EACCES = 13, EFAULT = 14, EBUSY = 16, EEXIST = 17, ENODEV = 19, EINVAL = 22, EMFILE = 24, ETXTBSY = 26
    case EFBIG = 27, ENOSPC = 28, ESPIPE = 29, ENOSYS = 38, EOVERFLOW = 75, EOPNOTSUPP = 95
    case EHWPOISON = 133

    /// The C name.
    public var name: String {
        switch self {
        case .EPERM: "EPERM"
        case .ENOENT: "ENOENT"
        case .ESRCH: "ESRCH"
        case .EIO: "EIO"
        case .E2BIG: "E2BIG"
        case .EBADF: "EBADF"
        case .ECHILD: "ECHILD"
        case .EAGAIN: "EAGAIN"
        case .ENOMEM: "ENOMEM"
        case .EACCES: "EACCES"
        case .EFAULT: "EFAULT"
        case .EBUSY: "EBUSY"
        case .EEXIST: "EEXIST"
        case .ENODEV: "ENODEV"
        case .EINVAL: "EINVAL"
        case .EMFILE: "EMFILE"
        case .ETXTBSY: "ETXTBSY"
        case .EFBIG: "EFBIG"
        case .ENOSPC: "ENOSPC"
        case .ESPIPE: "ESPIPE"
        case .ENOSYS: "ENOSYS"
        case .EOVERFLOW: "EOVERFLOW"
        case .EOPNOTSUPP: "EOPNOTSUPP"
        case .EHWPOISON: "EHWPOISON"
        }
    }
}
