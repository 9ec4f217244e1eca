// A program that uses an ensemble with a client library of ZooKeeper's, in whatever language, and what it
// takes to disturb it. It gets the addresses of three nodes as its last argument and asks for disturbances
// by lines on its output, each of which is answered with a line on its input when it is done:
//
//   kill the leader
//   kill HOST:PORT            the node with this address
//   start what was killed
//   stop me until PATH is gone     stops the program itself, as if its machine had no time for it: the znode
//                                  is an ephemeral of its session
//
// It says "all is well" and ends with status 0 if all is.
#pragma once

#include <string>
#include <vector>

namespace troupe::test {

/// Runs the program against an ensemble whose sessions last from one second to ten. Fails the test case if
/// not all is well.
void check_foreign_client(std::vector<std::string> program);

/// Says that the test cannot run for want of `what`, and how it comes here. ctest counts it as skipped.
void skip_test(const std::string& what, const std::string& remedy);

}  // namespace troupe::test
