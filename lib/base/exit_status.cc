#include "lib/base/exit_status.hh"

#include <cerrno>

namespace pmemckpt {

int exit_status(int code) {
    switch (code) {
        case 0: return kExitSuccess;
        case EINVAL:
        case ERANGE:
        case ENAMETOOLONG: return kExitUsage;
        case ENOENT:
        case ENODATA:
        case ENOTDIR:
        case ENODEV:
        case ENXIO: return kExitNotFound;
        case EBUSY:
        case EADDRINUSE:
        case EAGAIN:
        case EEXIST:
        case ENOTEMPTY: return kExitBusy;
        case ENOSPC:
        case EFBIG:
        case EDQUOT:
        case EMSGSIZE: return kExitNoSpace;
        case ECONNREFUSED:
        case ECONNRESET:
        case ECONNABORTED:
        case ENOTCONN:
        case EPIPE:
        case ETIMEDOUT:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case EADDRNOTAVAIL:
        case ESHUTDOWN: return kExitConnection;
        case EUCLEAN:
        case EBADMSG:
        case EPROTO:
        case EPROTONOSUPPORT:
        case EIO: return kExitDamaged;
        case EACCES:
        case EPERM:
        case EKEYREJECTED:
        case ESTALE: return kExitRefused;
        default: return kExitFailure;
    }
}

}  // namespace pmemckpt
