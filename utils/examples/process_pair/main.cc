// process_pair: a service that loses nothing when it dies. Two processes, a primary and its backup; a bank
// whose transfers are appended to a region's log before they are answered.
//
//     process_pair serve --region team/bank --listen 127.0.0.1:7001 --name left &
//     process_pair serve --region team/bank --listen 127.0.0.1:7002 --name right &
//     process_pair load --server 127.0.0.1:7001 --server 127.0.0.1:7002 --answers answers
//
// What matters is in backup.cc, how one follows, sees that the primary is gone, and takes over; and in
// primary.cc, how one answers so that nothing can be lost or done twice.
#include <cerrno>
#include <iostream>

#include "utils/examples/process_pair/options.hh"

namespace {

using namespace process_pair;

/// The same in every program of pmemckpt: pmemckpt(7), EXIT STATUS.
int exit_status(const ckpt::Error& error) {
    if (error.is_connection())
        return 6;
    switch (error.code().value()) {
        case EINVAL: return 2;
        case ENOENT:
        case ENODATA: return 3;
        case EBUSY: return 4;
        case ENOSPC:
        case EFBIG: return 5;
        case EBADMSG:
        case EPROTO: return 7;
        case EACCES:
        case EPERM:
        case EKEYREJECTED:
        case ESTALE: return 8;
        default: return 1;
    }
}

int report(const std::exception& error, int status) {
    std::cerr << "process_pair: " << error.what() << '\n';
    return status;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        return run(count, arguments);
    } catch (const ckpt::Error& error) {
        return report(error, exit_status(error));
    } catch (const std::invalid_argument& error) {
        return report(error, 2);
    } catch (const std::exception& error) {
        return report(error, 1);
    }
}
