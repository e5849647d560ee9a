#pragma once
// A running manager: its pools open, its addresses listening, its sessions served. pmemckptd is one of these
// and a main loop; tests start one in their own process.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "driver/config.hh"
#include "lib/base/address.hh"
#include "lib/base/result.hh"

namespace pmemckpt::driver {

class Manager {
public:
    /// Opens the pools, proves their keys, listens. Who connects waits until `before_serving` has returned,
    /// which gives up what is not needed any more. EKEYREJECTED when a pool's manager key is another; EACCES
    /// when what is needed later can't be had after that; what opening a pool, reading its key, and listening
    /// can give.
    static Result<std::unique_ptr<Manager>> start(Config config,
                                                  const std::function<Status()>& before_serving = {});

    /// Ends at once what stop() has not ended; waits for requests that run.
    ~Manager();
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;

    /// Where clients connect, with the ports really taken, in the order of the configuration.
    std::vector<Address> addresses() const;
    std::size_t session_count() const;

    /// Takes over what can change while running: log level, scrub, pools newly listed. What can't is named in
    /// a log line. All new pools open or none.
    Status reload(const Config& config);

    /// Stops accepting, lets requests that have come finish (drain_ms at most), closes the sessions.
    /// ETIMEDOUT when some still run. Any thread; once.
    Status stop();

private:
    class Parts;
    explicit Manager(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace pmemckpt::driver
