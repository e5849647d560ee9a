// The admin socket: who is heard, what is answered, whose file it is.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "driver/admin_socket.hh"
#include "lib/base/handle.hh"
#include "tests/support/manager_fixture.hh"

using namespace pmemckpt;
using driver::AdminSocket;

namespace {

std::string socket_path() {
    return (test::directory() / "admin.sock").string();
}

std::unique_ptr<AdminSocket> open() {
    return test::ok(AdminSocket::open(
        socket_path(), [](std::string_view line) { return fmt::format("heard {} bytes", line.size()); }));
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
    struct stat attributes {};
    CHECK(::stat(socket_path().c_str(), &attributes) == 0);
    test::equal(attributes.st_mode & 07777, 0600U);
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
    const auto second = AdminSocket::open(socket_path(), [](std::string_view) { return ""; });
    test::contains(test::error(second, EADDRINUSE), socket_path());
    test::equal(test::ask_unix(socket_path(), "1\n"), "heard 1 bytes\n");
}

void other_files_are_left_alone() {
    std::ofstream(socket_path()) << "precious";
    test::error(AdminSocket::open(socket_path(), [](std::string_view) { return ""; }), EEXIST);
    test::equal(std::filesystem::file_size(socket_path()), 8U);
    test::error(AdminSocket::open(std::string(200, 'x'), [](std::string_view) { return ""; }), ENAMETOOLONG);
    test::error(AdminSocket::open("/no/such/directory/s", [](std::string_view) { return ""; }), ENOENT);
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
    std::string answer = "none";
    std::thread([&] {
        // By hand: the C library would change the whole process.
        if (::syscall(SYS_setresuid, 65534, 65534, 65534) == 0)
            answer = test::ask_unix(socket_path(), "1\n");
    }).join();
    test::equal(answer, "");
    test::equal(test::ask_unix(socket_path(), "1\n"), "heard 1 bytes\n");
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
          std::string("\"findings\":[],\"further_findings\":0}")})
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
    return test::run("admin socket", {{"a line is answered", a_line_is_answered},
                                      {"a line may come in pieces", a_line_may_come_in_pieces},
                                      {"requests are limited", requests_are_limited},
                                      {"silent clients hold up nobody", silent_clients_hold_up_nobody},
                                      {"a dead socket is replaced", a_dead_socket_is_replaced},
                                      {"a live socket is not", a_live_socket_is_not},
                                      {"other files are left alone", other_files_are_left_alone},
                                      {"the file goes with the manager", the_file_goes_with_the_manager},
                                      {"other users are refused", other_users_are_refused},
                                      {"a manager tells its status", a_manager_tells_its_status}});
}
