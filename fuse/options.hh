#pragma once
// What mount(8), fstab and people give to mount.pmemckpt: SOURCE MOUNTPOINT [-o WORD,...] and a few letters.
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hh"
#include "lib/client/client.hh"
#include "lib/confine/mode.hh"

namespace pmemckpt::view {

inline constexpr unsigned kMaximumTimeoutMs = 600'000;

struct MountOptions {
    std::string source;       ///< as given: shown by mount(8) and findmnt(8)
    std::string mount_point;  ///< as given
    client::Options client;   ///< empty fields: not given
    confine::Mode confine = confine::Mode::on;
    bool allow_other = false;
    bool noexec = false;
    bool foreground = false;
    bool fake = false;    ///< mount -f: check everything, mount nothing
    bool sloppy = false;  ///< mount -s: words that are not known are ignored
    bool verbose = false;
    bool help = false, version = false;  ///< then nothing else is filled in
};

struct RemoteName {
    std::string server;  ///< HOST[:PORT]
    std::string pool;    ///< may be empty
};

/// HOST[:PORT]:/[POOL], [IPV6][:PORT]:/[POOL]. EINVAL.
Result<RemoteName> parse_source(std::string_view text);

/// Without the program's name. EINVAL: the message names the option.
Result<MountOptions> parse_options(std::vector<std::string> arguments);

std::string help_text();

}  // namespace pmemckpt::view
