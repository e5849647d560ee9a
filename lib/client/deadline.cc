#include "lib/client/deadline.hh"

#include <condition_variable>
#include <mutex>

namespace pmemckpt::client {

Deadline::Deadline(std::shared_ptr<Client> client, Milliseconds limit)
    : thread_([client = std::move(client), limit](std::stop_token over) {
          std::mutex mutex;
          std::condition_variable_any ended;
          std::unique_lock lock(mutex);
          if (!ended.wait_for(lock, over, limit, [&] { return over.stop_requested(); }))
              client->shut_down();
      }) {}

}  // namespace pmemckpt::client
