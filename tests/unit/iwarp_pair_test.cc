// Two engines that talk with each other.
#include <atomic>
#include <cstring>
#include <thread>

#include "tests/support/rdma_ends.hh"

using namespace pmemckpt;
using namespace pmemckpt::test;
using rdma::Access;

namespace {

void messages_go_both_ways() {
    Pair pair;
    ok(pair.client->send(bytes_of("hello")));
    equal(pair.server_ear->wait_messages(1)[0] == bytes_of("hello"), true);
    ok(pair.server->send(bytes_of("and hello")));
    ok(pair.server->send({}));
    const Bytes longest = random_bytes(rdma::kMaximumMessage);
    ok(pair.server->send(longest));
    const auto heard = pair.client_ear->wait_messages(3);
    CHECK(heard[0] == bytes_of("and hello") && heard[1].empty() && heard[2] == longest);
    contains(error(pair.client->send(Bytes(rdma::kMaximumMessage + 1)), EMSGSIZE), "16385");
}

void writes_and_reads() {
    Pair pair;
    Scattered memory(8, 4096);
    const auto grant = ok(pair.server->grant(memory.translation(), static_cast<Access>(3)));
    Bytes data = random_bytes(10'000), back(10'000);
    auto local = ok(pair.client->register_memory(data));
    auto into = ok(pair.client->register_memory(back));
    ok(pair.client->write(local, {{0}, {10'000}}, grant, {4000}, 7));
    ok(pair.client->read(into, {{0}, {10'000}}, grant, {4000}, 8));
    const auto done = pair.client_ear->wait_completions(2);
    CHECK(done[0].tag == 7 && done[0].status && done[1].tag == 8 && done[1].status);
    CHECK(back == data);
    CHECK(memory.read(4000, 10'000) == data);
    CHECK(memory.guards_whole());
}

}  // namespace

int main() {
    return run("iwarp_pair", {{"messages go both ways", messages_go_both_ways}, {"writes and reads", writes_and_reads}});
}
