// What connections of all engines have in common.
#include "lib/rdma/engine.hh"

namespace pmemckpt::rdma {

Status Connection::write(std::shared_ptr<Registration> local, Extent from, const Grant& remote, Offset offset,
                         std::uint64_t tag) {
    const OneSided write{OneSided::Kind::write, std::move(local), from, remote, offset, tag};
    return post({&write, 1});
}

Status Connection::read(std::shared_ptr<Registration> local, Extent into, const Grant& remote, Offset offset,
                        std::uint64_t tag) {
    const OneSided read{OneSided::Kind::read, std::move(local), into, remote, offset, tag};
    return post({&read, 1});
}

bool Connection::serve(const std::function<bool()>& done, std::chrono::steady_clock::time_point) {
    return done();
}

}  // namespace pmemckpt::rdma
