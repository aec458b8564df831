/* One statsd line: `name:value|type`. What a statsd server might read differently is refused: a sample rate
 * (it multiplies), tags (they carry data), a plus sign (a delta), several values in a line. */

#define OFFSET_MASK 2047
#define DIGITS 18 /* below 2**63, whatever they are */
#define NO_BYTE (-1)
#define EACH(byte) (0x0101010101010101ULL * (byte))

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "names are compared by words, little end first"
#endif

struct text {
  void *data;
  void *end;
  u32 length;
  u32 zero; /* of the head */
};

/* Reads the pointers afresh (hence the volatile), so that what the verifier learned of them while it followed the
 * headers of IPv4 and of IPv6 does not make it follow the lines twice. */
static __always_inline void open_text(struct __sk_buff *skb, u32 zero, struct text *text) {
  volatile u32 *data = &skb->data, *end = &skb->data_end, *length = &skb->len;
  text->data = (void *)(u64)*data;
  text->end = (void *)(u64)*end;
  text->length = *length;
  text->zero = zero;
}

struct number {
  u64 digits; /* without the sign and the point */
  u32 fraction;
  int negative;
};

static __always_inline int at(struct text *text, u32 offset) {
  u8 *byte = text->data + (offset & OFFSET_MASK);
  if ((void *)(byte + 1) > text->end)
    return NO_BYTE;
  return *byte;
}

static __always_inline void move(struct text *text, u32 *offset, u32 by) {
  *offset = forget(text->zero, *offset + by, OFFSET_MASK);
}

static __always_inline int is_digit(int byte) { return byte >= '0' && byte <= '9'; }

/* The reason for which a byte that fits nowhere here is refused. */
static __always_inline u8 unfit(int byte, u8 reason) { return byte == 0 ? DROP_NUL : reason; }

/* Eight bytes from the offset on, zeros behind the end. Near the end the datagram's last eight are read and
 * what came before is shifted away: the headers alone are longer than eight, so they are always there. */
static __always_inline u64 word_at(struct text *text, u32 offset) {
  u64 *word = text->data + (offset & OFFSET_MASK);
  u32 beyond = offset + 8 - text->length;
  if ((void *)(word + 1) <= text->end)
    return *word;
  word = text->data + ((text->length - 8) & OFFSET_MASK);
  if (beyond >= 8 || (void *)(word + 1) > text->end)
    return 0;
  return *word >> (beyond * 8);
}

/* Marks, by its highest bit, the first byte that ends a name: the colon, or what no name has (control bytes,
 * space, 0x7f and above). Bits above the first mark mean nothing. See "determine if a word has a byte less than n" in
 * Anderson, Bit Twiddling Hacks. */
static __always_inline u64 name_ends(u64 word) {
  u64 colon = word ^ EACH(':'), delete = word ^ EACH(0x7f);
  return ((word | ((word - EACH(0x21)) & ~word) | ((colon - EACH(1)) & ~colon) | ((delete - EACH(1)) & ~delete)) &
          EACH(0x80));
}

/* Reads up to the colon into `name`, which is filled up with zeros, and moves the offset behind it. */
static __always_inline u8 read_name(struct text *text, u32 *offset, u64 *name, u32 *length) {
  u64 ends = 0;
  u32 count = 0;
  int byte;
#pragma unroll
  for (u32 i = 0; i < NAME_LIMIT / 8; i++) {
    u64 word = text->zero;
    if (!ends) {
      u64 before = ~0ULL;
      word = word_at(text, *offset + 8 * i);
      ends = name_ends(word);
      if (ends)
        before = ((ends - 1) & ~ends) >> 7;
      word &= before;
      count += ((before & EACH(1)) * EACH(1)) >> 56;
    }
    name[i] = word;
  }
  count = forget(text->zero, count, 127);
  *length = count;
  byte = at(text, *offset + count);
  if (byte == ':' && count) {
    move(text, offset, count + 1);
    return PASS;
  }
  if (!count && (byte == '\n' || byte == NO_BYTE))
    return DROP_EMPTY;
  return byte > ' ' && byte < 0x7f && byte != ':' ? DROP_NAME_TOO_LONG : unfit(byte, DROP_NAME_SYNTAX);
}

/* Reads digits from the offset on, moves behind them and returns how many there were. */
static __always_inline u32 read_digits(struct text *text, u32 *offset, u64 *digits) {
  u32 start = *offset, i;
  u64 sum = *digits;
  for (i = 0; i <= DIGITS; i++) {
    int byte = at(text, start + i);
    if (!is_digit(byte))
      break;
    sum = sum * 10 + (byte - '0');
  }
  *digits = sum;
  move(text, offset, i);
  return forget(text->zero, i, 31);
}

/* Reads `-?[0-9]+(\.[0-9]+)?` and the bar after it. More digits than fit are out of any range. */
static __always_inline u8 read_value(struct text *text, u32 *offset, struct number *number) {
  u32 whole, fraction = 0;
  int byte;
  number->digits = 0;
  number->negative = forget(text->zero, at(text, *offset) == '-', 1);
  move(text, offset, number->negative);
  whole = read_digits(text, offset, &number->digits);
  byte = at(text, *offset);
  if (whole == 0)
    return unfit(byte, DROP_VALUE_SYNTAX);
  if (byte == '.' && whole <= DIGITS) {
    move(text, offset, 1);
    fraction = read_digits(text, offset, &number->digits);
    byte = at(text, *offset);
    if (fraction == 0)
      return unfit(byte, DROP_VALUE_SYNTAX);
  }
  if (whole + fraction > DIGITS)
    return DROP_RANGE;
  if (byte != '|')
    return unfit(byte, DROP_VALUE_SYNTAX);
  move(text, offset, 1);
  number->fraction = fraction;
  return PASS;
}

/* Reads the type and sees that the line ends after it; moves to its newline, or the datagram's end. */
static __always_inline u8 read_type(struct text *text, u32 *offset, u8 *type) {
  int byte = at(text, *offset);
  move(text, offset, 1);
  if (byte == 'g')
    *type = GAUGE;
  else if (byte == 'c')
    *type = COUNTER;
  else if (byte == 's')
    *type = SET;
  else if (byte == 'm' && at(text, *offset) == 's') {
    *type = TIMER;
    move(text, offset, 1);
  } else
    return unfit(byte, DROP_TYPE_SYNTAX);
  *type = forget(text->zero, *type, 7);
  byte = at(text, *offset);
  if (byte == NO_BYTE || byte == '\n')
    return PASS;
  if (byte == '|')
    return at(text, *offset + 1) == '#' ? DROP_TAGS : DROP_SUFFIX;
  return unfit(byte, byte == ':' ? DROP_SUFFIX : DROP_TYPE_SYNTAX);
}

static __always_inline u8 check_value(struct rule *rule, struct number *number) {
  u64 scaled = number->digits;
  u32 decimals = rule->decimals, fraction = number->fraction;
  s64 value;
  if (fraction > decimals)
    return DROP_PRECISION;
  for (u32 i = 0; i < 9; i++) {
    if (fraction >= decimals)
      break;
    if (scaled > 0x7fffffffffffffffULL / 10)
      return DROP_RANGE;
    scaled *= 10;
    fraction++;
  }
  value = number->negative ? -(s64)scaled : (s64)scaled;
  return value < rule->minimum || value > rule->maximum ? DROP_RANGE : PASS;
}
