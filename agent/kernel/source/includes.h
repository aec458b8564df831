/* Only uapi headers: they compile quickly and collide with few names. */
#include <uapi/linux/bpf.h>
#include <uapi/linux/if_ether.h>
#include <uapi/linux/in.h>
#include <uapi/linux/in6.h>
#include <uapi/linux/ip.h>
#include <uapi/linux/ipv6.h>
#include <uapi/linux/udp.h>

#define DATAGRAM_SOCKET 2 /* SOCK_DGRAM, which no uapi header has */
