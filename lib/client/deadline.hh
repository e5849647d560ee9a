#pragma once
// An end for what takes several requests, each of which has a limit of its own.
#include <memory>
#include <thread>

#include "lib/client/client.hh"
#include "lib/client/limits.hh"

namespace pmemckpt::client {

/// Unless it goes before that, it shuts the client down after so long: what waits fails with ESHUTDOWN.
class Deadline {
public:
    Deadline(std::shared_ptr<Client> client, Milliseconds limit);

private:
    std::jthread thread_;
};

}  // namespace pmemckpt::client
