#pragma once
// A client that says exactly what a test wants said: messages by hand over a real connection, no library
// between.
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lib/rdma/engine.hh"
#include "tests/support/talker.hh"

namespace pmemckpt::test {

class RawClient : public rdma::Handler, public Talker {
public:
    /// Connected and no more: nothing is said yet.
    static std::shared_ptr<RawClient> connect(rdma::Engine& engine, const Address& address);
    /// With the handshake behind it; what is wrong fails the test.
    static std::shared_ptr<RawClient> open(rdma::Engine& engine, const Address& address,
                                           const std::string& principal, const Key& key,
                                           const std::string& pool = {});

    void send(std::span<const std::byte> message) override;
    Bytes receive() override;

    /// On return the operation is complete, which says nothing of the other side's Write.
    Status write(const wire::Window& window, std::uint64_t offset, std::span<std::byte> bytes);
    Result<Bytes> read(const wire::Window& window, std::uint64_t offset, std::size_t size);
    /// The window does not let this through: nothing comes, and the session ends. What siw tells of it: see
    /// transport.hh. That nothing has moved in the pool is for the caller to look.
    void write_refused(const wire::Window& window, std::uint64_t offset = 0, std::size_t size = 1000,
                       const Place& place = Place::current());
    void read_refused(const wire::Window& window, std::uint64_t offset = 0, std::size_t size = 1000,
                      const Place& place = Place::current());
    /// The end of a session that was refused something before.
    void ended_as_refused(const Place& place = Place::current());

    void close();
    /// Waits for the connection's end and says why.
    Error ended();
    bool is_ended();
    bool has_message();

    void on_message(std::span<const std::byte> message) override;
    void on_completion(std::uint64_t tag, const Status& status) override;
    void on_close(const Error& why) override;

private:
    template <class Holds>
    void wait(std::unique_lock<std::mutex>& lock, const char* what, const Holds& holds);
    Status completed(std::uint64_t tag);
    Result<std::uint64_t> post_read(const wire::Window& window, std::uint64_t offset,
                                    std::span<std::byte> to);
    std::shared_ptr<rdma::Connection> connection();

    std::uint64_t last_tag_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<rdma::Connection> connection_;  // none once it has ended
    std::deque<Bytes> messages_;
    std::map<std::uint64_t, Status> completions_;
    std::optional<Error> ended_;
};

}  // namespace pmemckpt::test
