#include "lib/sync/program.hh"

#include <cerrno>

namespace pmemckpt::sync {

Error as_programs(Error error) {
    switch (error.code) {
        case ENOSPC:
        case EACCES:
        case ENOMEM:
        case ETIMEDOUT:
        case EIO: break;
        default: error.code = EIO;
    }
    return error;
}

}  // namespace pmemckpt::sync
