/* The same number, of which the verifier knows no more than the mask: `zero` is the head's, and it cannot know that.
 * Otherwise it would follow each length that a loop can end with through everything that comes after. The empty
 * assembly keeps the compiler from moving the mask to a later place. */
static __always_inline u32 forget(u32 zero, u32 number, u32 mask) {
  u64 masked = (number + zero) & mask;
  asm volatile("" : "+r"(masked));
  return masked;
}

