#pragma once
// The admin socket: a Unix stream, one line asked, one answered. Only those of AdminPeers are heard.
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "driver/admin_peers.hh"
#include "lib/base/handle.hh"
#include "lib/base/result.hh"

namespace pmemckpt::driver {

inline constexpr std::size_t kMaximumAdminClients = 16;
inline constexpr std::size_t kMaximumAdminRequest = 4096;  // bytes, with the newline
/// Without a whole request, or without taking its answer.
inline constexpr std::chrono::seconds kAdminClientTime{10};

/// The answer to a request line, without its newline; called on the socket's thread.
using AdminAnswer = std::function<std::string(std::string_view line)>;

/// One thread serves all clients; a silent one holds up nobody and is dropped after its time, or when a newer
/// one needs the place.
class AdminSocket {
public:
    /// A socket that nobody listens on is replaced. EADDRINUSE when a manager answers there, EEXIST when it
    /// is no socket; what listen_at() can give.
    static Result<std::unique_ptr<AdminSocket>> open(const std::string& path, const AdminPeers& peers,
                                                     AdminAnswer answer);
    void serve();    ///< who connects waits till then, and nothing of his is read. Once
    ~AdminSocket();  ///< the file goes with it, where this process may still remove it

private:
    struct Client {
        FileDescriptor socket;
        std::chrono::steady_clock::time_point last_moment;
        std::string request, answer;
        std::size_t sent = 0;
        bool over = false;
    };
    AdminSocket(std::string path, AdminPeers peers, FileDescriptor listener, FileDescriptor wake,
                AdminAnswer answer);
    void run(const std::stop_token& stop);
    void serve_once();
    void accept();
    void read(Client& client);
    void refuse(Client& client, const Error& why);
    void reply(Client& client, std::string answer);
    void write(Client& client);

    std::string path_;
    AdminPeers peers_;
    FileDescriptor listener_, wake_;
    AdminAnswer answer_;
    std::list<Client> clients_;  // the oldest first
    std::jthread thread_;        // last: it uses all the others
};

}  // namespace pmemckpt::driver
