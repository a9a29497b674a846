const OPEN_BRACKET = 91;

/**
 * A host as asked for: lower case, without port; IPv6 in its brackets, as in a URL. Null for an empty text and for `-`
 * and `_`, which stand for "none" in logs and server names. Nothing else is checked: a Host header is the client's text.
 */
export function hostName(text: string): string | null {
  if (text === '' || text === '-' || text === '_') return null;
  if (text.charCodeAt(0) === OPEN_BRACKET) {
    const close = text.indexOf(']');
    return close < 2 ? null : text.slice(0, close + 1).toLowerCase();
  }
  const colon = text.indexOf(':');
  if (colon < 0) return lowerCase(text);
  // Two colons without brackets: an IPv6 address that a gateway printed bare.
  if (text.indexOf(':', colon + 1) >= 0) return text.toLowerCase();
  return colon === 0 ? null : lowerCase(text.slice(0, colon));
}

/** Nearly all hosts are lower case already; to see that is cheaper than to make the text anew. */
function lowerCase(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if ((c >= 65 && c <= 90) || c > 127) return text.toLowerCase();
  }
  return text;
}
