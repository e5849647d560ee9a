// The admin socket: who is heard, what is answered, whose file it is.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "driver/admin_socket.hh"
#include "lib/base/handle.hh"
#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using driver::AdminPeers;
using driver::AdminSocket;

namespace {

std::string socket_path() {
    return (test::directory() / "admin.sock").string();
}

constexpr gid_t kGroup = 4711;

std::unique_ptr<AdminSocket> open(const AdminPeers& peers = {}) {
    auto socket = test::ok(AdminSocket::open(socket_path(), peers, [](std::string_view line) {
        return fmt::format("heard {} bytes", line.size());
    }));
    socket->serve();
    return socket;
}

Result<std::unique_ptr<AdminSocket>> opened_at(const std::string& path, const AdminPeers& peers = {}) {
    return AdminSocket::open(path, peers, [](std::string_view) { return ""; });
}

/// What another user is answered, a member of these groups.
std::string answer_to(uid_t uid, gid_t gid, std::vector<gid_t> groups) {
    std::string answer = "none";
    std::thread([&] {
        // By hand: the C library would change the whole process.
        if (::syscall(SYS_setgroups, groups.size(), groups.data()) == 0 &&
            ::syscall(SYS_setresgid, gid, gid, gid) == 0 && ::syscall(SYS_setresuid, uid, uid, uid) == 0)
            answer = test::ask_unix(socket_path(), "1\n");
    }).join();
    return answer;
}

mode_t mode_of_socket() {
    struct stat attributes {};
    CHECK(::stat(socket_path().c_str(), &attributes) == 0);
    return attributes.st_mode & 07777;
}

FileDescriptor connected() {
    FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, socket_path().c_str());
    CHECK(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return socket;
}

void a_line_is_answered() {
    const auto admin = open();
    test::equal(test::ask_unix(socket_path(), "12345\n"), "heard 5 bytes\n");
    test::equal(test::ask_unix(socket_path(), "\n"), "heard 0 bytes\n");
    test::equal(test::ask_unix(socket_path(), "one\ntwo\n"), "heard 3 bytes\n");
    test::equal(mode_of_socket(), 0600U);
}

void a_line_may_come_in_pieces() {
    const auto admin = open();
    const auto socket = connected();
    for (const char* part : {"12", "345", "6"})
        CHECK(::send(socket.get(), part, std::strlen(part), 0) > 0);
    CHECK(::shutdown(socket.get(), SHUT_WR) == 0);  // its end without a newline
    char answer[64] = {};
    const auto got = ::recv(socket.get(), answer, sizeof answer, MSG_WAITALL);
    test::equal(std::string(answer, static_cast<std::size_t>(got)), "heard 6 bytes\n");
}

void requests_are_limited() {
    const auto admin = open();
    const std::string fits(driver::kMaximumAdminRequest - 1, 'x');
    test::equal(test::ask_unix(socket_path(), fits + "\n"), "heard 4095 bytes\n");
    test::contains(test::ask_unix(socket_path(), fits + "x\n"), "longer than 4096 bytes");
    test::contains(test::ask_unix(socket_path(), std::string(100'000, 'x')), "longer than 4096 bytes");
}

void silent_clients_hold_up_nobody() {
    const auto admin = open();
    std::vector<FileDescriptor> silent;
    for (std::size_t count = 0; count < 2 * driver::kMaximumAdminClients; ++count) {
        silent.push_back(connected());
        CHECK(::send(silent.back().get(), "half", 4, 0) == 4);
        if (count % 8 == 7)
            test::equal(test::ask_unix(socket_path(), "123\n"), "heard 3 bytes\n");
    }
    // The first of them had to make room: the end, or a reset when it had not been read yet.
    char nothing;
    CHECK(::recv(silent.front().get(), &nothing, 1, 0) <= 0);
}

void a_dead_socket_is_replaced() {
    {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, socket_path().c_str());
        const FileDescriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
        CHECK(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    const auto admin = open();
    test::equal(test::ask_unix(socket_path(), "1\n"), "heard 1 bytes\n");
}

void a_live_socket_is_not() {
    const auto admin = open();
    test::contains(test::error(opened_at(socket_path()), EADDRINUSE), socket_path());
    test::equal(test::ask_unix(socket_path(), "1\n"), "heard 1 bytes\n");
}

void other_files_are_left_alone() {
    std::ofstream(socket_path()) << "precious";
    test::error(opened_at(socket_path()), EEXIST);
    test::equal(std::filesystem::file_size(socket_path()), 8U);
    test::error(opened_at(std::string(200, 'x')), ENAMETOOLONG);
    test::error(opened_at("/no/such/directory/s"), ENOENT);
}

void the_file_goes_with_the_manager() {
    open().reset();
    CHECK(!std::filesystem::exists(socket_path()));
}

void other_users_are_refused() {
    if (::geteuid() != 0)
        test::skip("it takes root to be another user");
    const auto admin = open();
    // As if its mode were no obstacle.
    CHECK(::chmod(socket_path().c_str(), 0777) == 0 && ::chmod(test::directory().c_str(), 0777) == 0);
    const auto answer = answer_to(65534, 65534, {});
    test::contains(answer, "{\"error\":\"admin socket: uid 65534 (pid ");
    test::contains(answer, "is refused; uid 0 and 0 are heard\",\"refused\":true}");
    test::equal(test::ask_unix(socket_path(), "1\n"), "heard 1 bytes\n");
}

void members_of_the_group_are_heard() {
    if (::geteuid() != 0)
        test::skip("it takes root to be another user");
    const auto admin = open({{}, kGroup});
    test::equal(mode_of_socket(), 0660U);
    CHECK(::chmod(test::directory().c_str(), 0777) == 0);
    test::equal(answer_to(65534, 65534, {24, kGroup}), "heard 1 bytes\n");
    test::equal(answer_to(65534, kGroup, {}), "heard 1 bytes\n");
    test::equal(answer_to(65534, 65534, {kGroup + 1}), "");  // by the file's mode
    CHECK(::chmod(socket_path().c_str(), 0666) == 0);
    test::contains(answer_to(65534, 65534, {kGroup + 1}), "and members of group 4711 are heard");
    std::vector<gid_t> many;
    while (many.size() < 200)
        many.push_back(static_cast<gid_t>(5000 + many.size()));
    test::contains(answer_to(65534, 65534, many), "is refused");
    many.push_back(kGroup);
    test::equal(answer_to(65534, 65534, many), "heard 1 bytes\n");
}

/// What a process of another user is answered that has got this socket from who connected it.
std::string answer_to_who_got(const FileDescriptor& socket) {
    const auto pid = ::fork();
    if (pid == 0) {
        const bool other = ::syscall(SYS_setresuid, 65534, 65534, 65534) == 0;
        ::_exit(other && ::send(socket.get(), "1\n", 2, MSG_NOSIGNAL) == 2 ? 0 : 1);
    }
    int status = -1;
    CHECK(::waitpid(pid, &status, 0) == pid && status == 0);
    char answer[512] = {};
    const auto got = ::recv(socket.get(), answer, sizeof answer, 0);
    return std::string(answer, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
}

void a_descriptor_passed_on_is_of_no_use() {
    if (::geteuid() != 0)
        test::skip("it takes root to be another user");
    const auto admin = open();
    const auto answer = answer_to_who_got(connected());
    test::contains(answer, "uid 65534 (pid ");
    test::contains(answer, "the connection that it uses is that of uid 0");
    test::equal(test::ask_unix(socket_path(), "1\n"), "heard 1 bytes\n");
}

void who_is_no_member_can_give_the_socket_to_no_group() {
    if (::geteuid() != 0)
        test::skip("it takes root to be another user");
    std::string message;
    CHECK(::chmod(test::directory().c_str(), 0777) == 0);
    std::thread([&] {
        if (::syscall(SYS_setresuid, 65534, 65534, 65534) == 0)
            message = opened_at(socket_path(), {{}, kGroup}).error().message;
    }).join();
    test::contains(message, "can't give " + socket_path() + " to group 4711");
}

void a_manager_tells_its_status() {
    test::ManagerFixture served;
    served.start();
    const auto client = served.open("bob");
    const auto line = served.ask_admin();
    CHECK(line.find('\n') == line.size() - 1);
    for (const std::string& part :
         {std::string("\"version\":\"pmemckptd "), fmt::format("\"pid\":{}", ::getpid()),
          fmt::format("\"engine\":\"{}\"", test::transport()),
          fmt::format("\"listen\":[\"{}\"]", format_address(served.address())),
          fmt::format("\"name\":\"pool\",\"path\":\"{}\"", served.config.pools[0].path),
          std::string("\"durability\":\"page\""), std::string("\"switches\":0"),
          std::string("\"principal\":\"bob\",\"pool\":\"pool\""), std::string("\"windows\":[]"),
          std::string("\"scrub\":{\"bandwidth\":16777216,\"rest_s\":86400,\"passes\":"),
          std::string("\"findings\":[],\"further_findings\":0}"), fmt::format("\"uid\":{}", ::geteuid()),
          std::string("\"seccomp\":\"none\"")})
        test::contains(line, part);
    test::contains(served.ask_admin(R"({"command":"stop"})"), R"({"error":"there is no command \"stop\")");
    for (const std::string& wrong :
         {std::string("status"), std::string("{}"), std::string("[]"), std::string("{\"command\":3}"),
          std::string(), std::string(4000, '['), std::string("{\"command\":\"\xff\"}")})
        test::contains(served.ask_admin(wrong), "{\"error\":");
}

}  // namespace

int main() {
    log::set_level(log::Level::error);
    return test::run("admin socket",
                     {{"a line is answered", a_line_is_answered},
                      {"a line may come in pieces", a_line_may_come_in_pieces},
                      {"requests are limited", requests_are_limited},
                      {"silent clients hold up nobody", silent_clients_hold_up_nobody},
                      {"a dead socket is replaced", a_dead_socket_is_replaced},
                      {"a live socket is not", a_live_socket_is_not},
                      {"other files are left alone", other_files_are_left_alone},
                      {"the file goes with the manager", the_file_goes_with_the_manager},
                      {"other users are refused", other_users_are_refused},
                      {"members of the group are heard", members_of_the_group_are_heard},
                      {"a descriptor passed on is of no use", a_descriptor_passed_on_is_of_no_use},
                      {"who is no member can give the socket to no group",
                       who_is_no_member_can_give_the_socket_to_no_group},
                      {"a manager tells its status", a_manager_tells_its_status}});
}
