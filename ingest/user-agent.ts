import { createBoundedCache, ownCopy } from './bounded-cache.ts';

/** Longest family, in characters. */
export const FAMILY_MAX_LENGTH = 32;

/** Only so much of a user agent is read; the longest ones of real browsers (in-app views) stay below it. */
const READ_MAX_LENGTH = 512;

/** Families by user agent. A busy public site sees a few thousand user agents a day. */
const CACHED_USER_AGENTS = 4_096;

/** Family of what says nothing known about itself. */
const OTHER = 'other';

/** Tools by a part of the text, wherever it stands: they hide behind a browser's beginning or follow a language's name. */
const TOOLS: readonly (readonly [needle: string, family: string])[] = [
  ['headlesschrome/', 'headless-chrome'],
  ['phantomjs/', 'phantomjs'],
  ['aiohttp/', 'aiohttp'],
  ['nikto', 'nikto'],
  ['sqlmap', 'sqlmap'],
  ['nuclei', 'nuclei'],
  ['zgrab', 'zgrab'],
  ['masscan', 'masscan'],
  ['nmap ', 'nmap'],
  ['facebookexternalhit', 'facebookexternalhit'],
  ['meta-external', 'meta-external'],
  ['mediapartners-google', 'mediapartners-google'],
  ['yahoo! slurp', 'yahoo-slurp'],
  ['chatgpt-user', 'chatgpt-user'],
  ['perplexity-user', 'perplexity-user'],
  ['pingdom', 'pingdom'],
  ['bingpreview', 'bingpreview'],
];

/**
 * Browsers by a part of the text, first match wins: nearly every browser also names those that it wants to be taken for,
 * so the ones that are named by nobody else come first, Chrome and Safari last.
 */
const BROWSERS: readonly (readonly [needle: string, family: string])[] = [
  ['edg/', 'edge'],
  ['edga/', 'edge'],
  ['edgios/', 'edge'],
  ['edge/', 'edge'],
  ['opr/', 'opera'],
  ['opera', 'opera'],
  ['opios/', 'opera'],
  ['opt/', 'opera'],
  ['samsungbrowser/', 'samsung'],
  ['yabrowser/', 'yandex'],
  ['vivaldi/', 'vivaldi'],
  ['ucbrowser/', 'uc'],
  ['duckduckgo/', 'duckduckgo'],
  ['ddg/', 'duckduckgo'],
  ['huaweibrowser/', 'huawei'],
  ['miuibrowser/', 'miui'],
  ['heytapbrowser/', 'heytap'],
  ['vivobrowser/', 'vivo'],
  ['micromessenger/', 'wechat'],
  ['qqbrowser/', 'qq'],
  ['whale/', 'whale'],
  ['silk/', 'silk'],
  ['brave/', 'brave'],
  ['instagram ', 'instagram'],
  ['fban/', 'facebook'],
  ['fbav/', 'facebook'],
  ['gsa/', 'google-app'],
  ['focus/', 'focus'],
  ['klar/', 'focus'],
  ['seamonkey/', 'seamonkey'],
  ['palemoon/', 'palemoon'],
  ['electron/', 'electron'],
  ['fxios/', 'firefox'],
  ['crios/', 'chrome'],
  ['; wv)', 'webview'],
  ['chromium/', 'chrome'],
  ['chrome/', 'chrome'],
  ['firefox/', 'firefox'],
  ['trident/', 'ie'],
  ['msie ', 'ie'],
  ['safari/', 'safari'],
  ['applewebkit/', 'webview'],
];

/** Platforms, first match wins: phones also name the systems that they resemble. */
const PLATFORMS: readonly (readonly [needle: string, platform: string])[] = [
  ['windows', 'windows'],
  ['iphone', 'ios'],
  ['ipad', 'ios'],
  ['ipod', 'ios'],
  ['tizen', 'tv'],
  ['web0s', 'tv'],
  ['smart-tv', 'tv'],
  ['android', 'android'],
  ['cros ', 'chromeos'],
  ['mac os x', 'macos'],
  ['macintosh', 'macos'],
  ['linux', 'linux'],
  ['x11', 'unix'],
];

/** What crawlers call themselves. */
const CRAWLER_WORDS = ['bot', 'crawler', 'spider'] as const;

/** A product that begins with its name: `curl/8.5.0`, `Instagram 3.0.4`, `Ruby`. */
const PRODUCT = /^[a-z][a-z0-9._+-]{1,63}(?=\/|$| \d)/;
/** The same in two or three words: `Chef Client/11.8`. */
const PRODUCT_OF_WORDS = /^[a-z][a-z0-9._+-]{1,31}(?: [a-z][a-z0-9._+-]{0,31}){1,2}(?=\/\d)/;
/** The name that a crawler without a browser's face gives behind `compatible;`. */
const COMPATIBLE = /\(compatible; ?([a-z][a-z0-9._+-]{1,63})[/;)]/;
/** A version that stands in the name itself: `okhttp3`, `myapp-1.2.3-beta`. */
const VERSION_IN_NAME = /[-_.+]?v?\d+(?:[._+-].*)?$/;
/** A name with more digits is a serial number or a made-up one. */
const NAME_MAX_DIGITS = 3;

/** A pure function's memory, so it may be shared. */
const families = createBoundedCache<string>(CACHED_USER_AGENTS, READ_MAX_LENGTH);

/**
 * The family of a user agent, without versions: browsers as `family/platform` (`chrome/windows`, `safari/ios`), crawlers
 * and libraries by the name of the product (`googlebot`, `python-requests`, `curl`), `other` for the rest, '' for null.
 * At most FAMILY_MAX_LENGTH characters of [a-z0-9._+-/].
 *
 * It says what the client claims to be: anybody can send any user agent, so families are not a closed set. The rules are
 * those of the vendors' own pages on user-agent strings. Misses: browsers that name only what they imitate (Brave,
 * iPadOS in desktop mode reads as macOS), and products that do not begin with their name.
 */
export function userAgentFamily(userAgent: string | null): string {
  if (userAgent === null || userAgent === '') return '';
  const known = families.get(userAgent);
  if (known !== undefined) return known;
  const family = readFamily(userAgent.slice(0, READ_MAX_LENGTH).toLowerCase());
  families.set(userAgent, family);
  return family;
}

function readFamily(text: string): string {
  for (const [needle, family] of TOOLS) if (text.includes(needle)) return family;
  const crawler = crawlerName(text);
  if (crawler !== null) return crawler;
  if (text.startsWith('mozilla/') || text.startsWith('opera/')) {
    for (const [needle, family] of BROWSERS) if (text.includes(needle)) return `${family}/${platformOf(text)}`;
    return plainName(COMPATIBLE.exec(text)?.[1]) ?? OTHER;
  }
  return plainName((PRODUCT.exec(text) ?? PRODUCT_OF_WORDS.exec(text))?.[0].replaceAll(' ', '-')) ?? OTHER;
}

function platformOf(text: string): string {
  for (const [needle, platform] of PLATFORMS) if (text.includes(needle)) return platform;
  return OTHER;
}

/** The name around the first crawler's word that is not part of an address. */
function crawlerName(text: string): string | null {
  let name: string | null = null;
  let first = text.length;
  for (const word of CRAWLER_WORDS) {
    for (let at = text.indexOf(word); at >= 0 && at < first; at = text.indexOf(word, at + word.length)) {
      let from = at;
      while (from > 0 && isNameCharacter(text.charCodeAt(from - 1))) from -= 1;
      const before = text.charAt(from - 1);
      if (before === '.' || before === '/' || before === '@' || text.startsWith('cubot', from)) continue;
      let to = at + word.length;
      while (isNameCharacter(text.charCodeAt(to))) to += 1;
      if (text.charAt(to) === '.' || text.charAt(to) === '@') continue;
      name = plainName(text.slice(from, to)) ?? word;
      first = at;
    }
  }
  return name;
}

function isNameCharacter(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 48 && c <= 57) || c === 45 || c === 95;
}

/** A name without its version; null when nothing is left that is like a name. */
function plainName(name: string | undefined): string | null {
  if (name === undefined) return null;
  const plain = name.replace(VERSION_IN_NAME, '');
  if (plain.length < 2 || plain.length > FAMILY_MAX_LENGTH) return null;
  let digits = 0;
  for (let i = 0; i < plain.length; i++) if (plain.charCodeAt(i) < 58 && plain.charCodeAt(i) >= 48) digits += 1;
  return digits > NAME_MAX_DIGITS ? null : ownCopy(plain);
}
