/* What is refused before there is a datagram: sockets of other kinds, and other destinations. */

/* The self-check registers its process too, since a socket that is refused has no cookie it could know. */
#define PROCESS (1ULL << 63)

static __always_inline void refuse(u8 reason, struct kind *kind, u64 cookie, u64 probe) {
  struct control *control = read_control();
  if (control)
    account(kind, reason, bpf_get_current_uid_gid(), cookie, probe, control->period & 1);
}

int on_sock_create(struct bpf_sock *sock) {
  struct kind kind = {};
  if (sock->type == DATAGRAM_SOCKET && sock->protocol == IPPROTO_UDP)
    return 1;
  refuse(DROP_SOCKET, &kind, 0, PROCESS | bpf_get_current_pid_tgid() >> 32);
  return 0;
}

static __always_inline int reach(struct bpf_sock_addr *ctx, struct address *to) {
  struct control *control = read_control();
  struct head *head = control ? read_head(control) : 0;
  struct kind kind = {};
  u64 cookie;
  if (!head)
    return 0;
  if (is_destination(head, to))
    return 1;
  cookie = bpf_get_socket_cookie(ctx);
  if (is_listener(cookie, to))
    return 1;
  name_destination(&kind, to);
  refuse(DROP_DESTINATION, &kind, cookie, cookie);
  return 0;
}

static __always_inline int reach4(struct bpf_sock_addr *ctx) {
  struct address to = {0, MAPPED(ctx->user_ip4), ctx->user_port};
  return reach(ctx, &to);
}

static __always_inline int reach6(struct bpf_sock_addr *ctx) {
  u32 words[4] = {ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]};
  struct address to = {*(u64 *)&words[0], *(u64 *)&words[2], ctx->user_port};
  return reach(ctx, &to);
}

static __always_inline int refuse_unix(struct bpf_sock_addr *ctx) {
  struct kind kind = {};
  u64 cookie = bpf_get_socket_cookie(ctx);
  refuse(DROP_UNIX, &kind, cookie, cookie);
  return 0;
}

int on_connect4(struct bpf_sock_addr *ctx) { return reach4(ctx); }

int on_connect6(struct bpf_sock_addr *ctx) { return reach6(ctx); }

int on_sendmsg4(struct bpf_sock_addr *ctx) { return reach4(ctx); }

int on_sendmsg6(struct bpf_sock_addr *ctx) { return reach6(ctx); }

int on_unix_connect(struct bpf_sock_addr *ctx) { return refuse_unix(ctx); }

int on_unix_sendmsg(struct bpf_sock_addr *ctx) { return refuse_unix(ctx); }
