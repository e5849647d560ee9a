#pragma once
// What a Reader knows: reader.cc. Made by Client::open.
#include "lib/client/transfer.hh"

namespace pmemckpt::client {

struct Reader::State {
    std::shared_ptr<Session> session;
    wire::OpenedGeneration opened;
};

}  // namespace pmemckpt::client
