#pragma once
// A HELLO that was said and the CHALLENGE that came: what a PROOF is about.
#include "tests/hostile/attacker.hh"

namespace pmemckpt::hostile {

wire::Hello hello_of(const std::string& principal, const std::string& pool = {});

class Introduction {
public:
    /// Says it, and hears the CHALLENGE.
    Introduction(Attacker& attacker, const wire::Hello& hello);

    wire::Mac mac(const Key& key) const { return transcript_.client_mac(key); }
    /// What the manager would say to that proof.
    wire::Mac manager_mac(const Key& key) const { return transcript_.server_mac(key, mac(key)); }
    const wire::Challenge& challenge() const { return challenge_; }
    const Bytes& hello() const { return hello_; }
    const Bytes& challenge_message() const { return challenge_message_; }

private:
    Bytes hello_, challenge_message_;
    wire::Challenge challenge_;
    wire::Transcript transcript_;
};

/// Says HELLO and a PROOF with this key: no more is wrong than the names and the key.
void introduce(Attacker& attacker, const wire::Hello& hello, const Key& key);

}  // namespace pmemckpt::hostile
