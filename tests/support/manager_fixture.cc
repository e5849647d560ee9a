#include "tests/support/manager_fixture.hh"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>

#include "lib/base/handle.hh"
#include "lib/pool/pool.hh"

namespace pmemckpt::test {

std::string make_pool(const std::string& name, const std::string& key_dir, std::uint64_t size) {
    const auto path = (directory() / name).string();
    const auto key = Key::random();
    pool::CreateOptions options;
    options.path = path;
    options.size = size;
    const auto uuid = ok(pool::Pool::create(options, key));
    ok(store_key(key_dir, pool_key_name(pool::to_string(uuid)), key));
    return path;
}

ManagerFixture::ManagerFixture(std::uint64_t pool_size) {
    const auto keys = (directory() / "keys").string();
    ok(store_key(keys, "alice", Key::random()));
    ok(store_key(keys, "bob", Key::random()));
    config.key_dir = keys;
    config.pools = {{"pool", make_pool("pool", keys, pool_size)}};
    config.listen = {{host(), 0}};
    config.transport = transport();
    config.admin_socket = (directory() / "admin.sock").string();
    config.log_level = log::Level::error;
    config.access.administrators = {"alice", "bob"};  // what they may do is no matter, unless a test says so
    config.limits.handshake_ms *= time_limit_factor();
    engine = ok(rdma::make_engine(transport(), {}));
}

void ManagerFixture::start() {
    manager = ok(driver::Manager::start(config));
}

std::shared_ptr<RawClient> ManagerFixture::connect() {
    return RawClient::connect(*engine, address());
}

std::shared_ptr<RawClient> ManagerFixture::open(const std::string& principal) {
    return RawClient::open(*engine, address(), principal, key(principal));
}

std::string ManagerFixture::ask_admin(const std::string& line) const {
    return ask_unix(config.admin_socket, line + "\n");
}

std::string ask_unix(const std::string& path, const std::string& text) {
    const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        fail_at(Place::current(), "too long for a socket: " + path);
    std::memcpy(address.sun_path, path.data(), path.size());
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return {};
    // Who says too much, or is refused, may be answered before all of it is said.
    [[maybe_unused]] const auto sent = ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    std::string answer;
    std::array<char, 4096> part;
    for (ssize_t got; (got = ::recv(socket.get(), part.data(), part.size(), 0)) > 0;)
        answer.append(part.data(), static_cast<std::size_t>(got));
    return answer;
}

}  // namespace pmemckpt::test
