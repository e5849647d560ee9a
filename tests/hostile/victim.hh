#pragma once
// Who is attacked: a session with all that one can have open. It plays by the rules, and its secrets are
// known here, as if they had leaked.
#include "tests/hostile/attacker.hh"

namespace pmemckpt::hostile {

inline constexpr const char* kVictimsRegion = "victim/app";

class Victim {
public:
    Victim(const Address& address, const Key& key);

    /// What it has open is what it was.
    void works();
    /// Seals what it was writing all the time: the content that it wrote.
    void finish();

    wire::Begun draft;
    wire::OpenedGeneration opened;
    wire::LogGranted log;
    Bytes hello, proof;                         ///< that opened its session
    wire::Welcome welcome;                      ///< the answer
    Bytes content, draft_content, log_content;  ///< in its generation, in its draft, at its log's start

private:
    void authenticate(const Key& key);

    Attacker session_;
};

/// Whole pages of a session's draft, by Writes of a size that an FPDU has.
void write_all(Attacker& session, const wire::Window& window, const Bytes& content);

}  // namespace pmemckpt::hostile
