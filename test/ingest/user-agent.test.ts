import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { FAMILY_MAX_LENGTH, userAgentFamily } from '../../ingest/user-agent.ts';

const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)';
const windows = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)';

test('browsers are told by what they alone name, with their platform and without versions', () => {
  // The strings are those of the vendors' documentation on their user agents.
  const cases: [string, string][] = [
    [`${windows} ${webkit} Chrome/120.0.0.0 Safari/537.36`, 'chrome/windows'],
    [`${windows} ${webkit} Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91`, 'edge/windows'],
    [`${windows} ${webkit} Chrome/119.0.0.0 Safari/537.36 OPR/105.0.0.0`, 'opera/windows'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:121.0) Gecko/20100101 Firefox/121.0', 'firefox/windows'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0', 'firefox/linux'],
    ['Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko', 'ie/windows'],
    ['Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)', 'ie/windows'],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15',
      'safari/macos',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1',
      'safari/ios',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1',
      'chrome/ios',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/121.0 Mobile/15E148 Safari/605.1.15',
      'firefox/ios',
    ],
    [`Mozilla/5.0 (Linux; Android 10; K) ${webkit} Chrome/120.0.0.0 Mobile Safari/537.36`, 'chrome/android'],
    [
      `Mozilla/5.0 (Linux; Android 13; SM-S901B) ${webkit} SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36`,
      'samsung/android',
    ],
    [
      `Mozilla/5.0 (Linux; Android 10; K; wv) ${webkit} Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36`,
      'webview/android',
    ],
    [`Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${webkit} Chrome/120.0.0.0 Safari/537.36`, 'chrome/chromeos'],
    [`Mozilla/5.0 (X11; Linux x86_64) ${webkit} HeadlessChrome/120.0.0.0 Safari/537.36`, 'headless-chrome'],
  ];
  for (const [userAgent, family] of cases) assert.equal(userAgentFamily(userAgent), family, userAgent);
});

test('crawlers and libraries are told by the name of the product', () => {
  const cases: [string, string][] = [
    ['Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)', 'googlebot'],
    [
      `Mozilla/5.0 ${webkit.replace(')', '; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)')} Chrome/103.0 Safari/537.36`,
      'bingbot',
    ],
    ['Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)', 'mj12bot'],
    ['Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)', 'baiduspider'],
    ['Mozilla/5.00 (Nikto/2.1.6) (Evasions:None) (Test:Port Check)', 'nikto'],
    ['facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)', 'facebookexternalhit'],
    ['curl/8.5.0', 'curl'],
    ['Wget/1.21.4 (linux-gnu)', 'wget'],
    ['python-requests/2.31.0', 'python-requests'],
    ['Python/3.11 aiohttp/3.9.1', 'aiohttp'],
    ['Go-http-client/1.1', 'go-http-client'],
    ['okhttp/4.12.0', 'okhttp'],
    ['okhttp3', 'okhttp'],
    ['Apache-HttpClient/4.5.14 (Java/17.0.9)', 'apache-httpclient'],
    ['PostmanRuntime/7.36.0', 'postmanruntime'],
    ['kube-probe/1.27', 'kube-probe'],
    ['ShopApp/3.2.1 (iPhone; iOS 17.2) CFNetwork/1490 Darwin/23', 'shopapp'],
    ['shop-app-2.4.1-beta/77', 'shop-app'],
    ['Chef Client/11.8.2 (ruby-1.9.3)', 'chef-client'],
  ];
  for (const [userAgent, family] of cases) assert.equal(userAgentFamily(userAgent), family, userAgent);
});

test('nothing sent is nothing, and what is no product is other', () => {
  assert.equal(userAgentFamily(null), '');
  for (const userAgent of [
    'John Smith phone',
    '550e8400-e29b-41d4-a716-446655440000',
    "' or 1=1 --",
    '() { :; }; /bin/x',
    'Mozilla/5.0',
    'x'.repeat(100),
    'a1b2c3d4e5f6/1.0',
    '漢字/1.0',
  ]) {
    assert.equal(userAgentFamily(userAgent), 'other', userAgent);
  }
});

test('the version of a client is not part of its family', () => {
  const version = fc
    .array(fc.integer({ min: 0, max: 9999 }), { minLength: 1, maxLength: 4 })
    .map((parts) => parts.join('.'));
  const shape = fc.constantFrom<(v: string) => string>(
    (v) => `${windows} ${webkit} Chrome/${v} Safari/537.36`,
    (v) => `Mozilla/5.0 (Windows NT ${v}; rv:${v}) Gecko/20100101 Firefox/${v}`,
    (v) => `Mozilla/5.0 (compatible; Googlebot/${v}; +http://www.google.com/bot.html)`,
    (v) => `python-requests/${v}`,
    (v) => `ShopApp/${v} (Android ${v})`,
  );
  fc.assert(fc.property(shape, version, version, (of, a, b) => userAgentFamily(of(a)) === userAgentFamily(of(b))));
});

test('whatever is sent, the family is short, plain and the same each time', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('Mozilla/5.0', '(compatible;', 'bot', 'Chrome/1', 'Safari/', 'Android', '/', ' ', '-'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const userAgent = pieces.join('');
      const family = userAgentFamily(userAgent);
      assert.ok(family.length <= FAMILY_MAX_LENGTH);
      assert.match(family, /^[a-z0-9._+\-/]*$/);
      assert.equal(family === '', userAgent === '');
      assert.equal(userAgentFamily(userAgent), family);
    }),
  );
});
