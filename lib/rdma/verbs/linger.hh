#pragma once
// Who waits for one small operation after the other attends a connection every few microseconds. To give it
// to the reactor's thread each time, and to take it back, would cost more than the operation: so it is left
// unwatched, for who comes next, and a timer tells the reactor's thread when nobody came.
#include <functional>
#include <memory>

#include "lib/rdma/reactor.hh"

namespace pmemckpt::rdma::verbs {

class Linger final : public Source {
public:
    /// What comes for a connection that was left waits so long, and once more, at most.
    static constexpr std::chrono::milliseconds kTime{5};

    /// On the reactor's thread. `look` is called by it, kTime after a start(); whether to look again after
    /// another kTime. nullptr where there is no timer to be had.
    static std::shared_ptr<Linger> make(Reactor& reactor, std::function<bool()> look);

    /// Any thread.
    void start();
    /// On the reactor's thread: `look` is not called any more.
    void end(Reactor& reactor);

    void on_events(std::uint32_t events) override;
    void on_deadline() override {}
    void on_wake() override {}
    void on_stop() override {}  // the connection ends it

private:
    explicit Linger(std::function<bool()> look) : look_(std::move(look)) {}

    std::function<bool()> look_;
    FileDescriptor timer_;
};

}  // namespace pmemckpt::rdma::verbs
