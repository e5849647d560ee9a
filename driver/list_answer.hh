#pragma once
// How much of a list one message holds.
#include <vector>

#include "lib/rdma/engine.hh"
#include "lib/wire/messages.hh"

namespace pmemckpt::driver {

class ListAnswer {
public:
    /// No list in one message has more: no element is encoded in less than 50 bytes.
    static constexpr std::size_t kMaximumElements = rdma::kMaximumMessage / 50;

    /// `beside`: bytes that the message has beside the list.
    explicit ListAnswer(std::size_t beside = 0) : left_(kRoom - beside) {}

    /// Appends the element if it still fits; false when the message is full.
    template <class Element>
    bool add(std::vector<Element>& list, Element element) {
        wire::Encoder encoder;
        encoder(element);
        const auto size = encoder.bytes().size();
        if (size > left_)
            return false;
        left_ -= size;
        list.push_back(std::move(element));
        return true;
    }

private:
    static constexpr std::size_t kRoom =
        rdma::kMaximumMessage - wire::kHeaderBytes - sizeof(std::uint16_t);  // the list's count
    std::size_t left_;
};

}  // namespace pmemckpt::driver
