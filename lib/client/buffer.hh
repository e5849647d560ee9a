#pragma once
// Memory registered by the caller. Its destructor waits for the operations that use it: then the memory may
// go.
#include <memory>

#include "lib/client/session.hh"

namespace pmemckpt::client {

class RegisteredBuffer final : public Buffer {
public:
    RegisteredBuffer(std::shared_ptr<Session> session, std::shared_ptr<rdma::Registration> registration)
        : session_(std::move(session)), registration_(std::move(registration)) {}
    ~RegisteredBuffer() override;

    std::span<std::byte> bytes() const override { return registration_->bytes(); }
    bool belongs_to(const Session& session) const { return session_.get() == &session; }
    const std::shared_ptr<rdma::Registration>& registration() const { return registration_; }
    const std::shared_ptr<InFlight>& in_flight() const { return in_flight_; }

private:
    std::shared_ptr<Session> session_;
    std::shared_ptr<rdma::Registration> registration_;
    std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>();
};

}  // namespace pmemckpt::client
