import { type Answer, failure, READS, type Route } from "../rest.ts";
import { md5, type Shop, WOOCOMMERCE_VERSION } from "../shop.ts";

/** What a client reads when it connects. The time zone is only in the public index, not in the system status. */
export const siteRoutes: Route[] = [
	{
		methods: READS,
		path: /^\/?$/,
		name: "index",
		allow: "GET",
		permission: "public",
		run: (shop) => ({ status: 200, body: siteIndex(shop) }),
	},
	{
		methods: READS,
		path: /^\/wp\/v2\/users\/me$/,
		name: "wp/users/me",
		allow: "GET",
		permission: "public",
		run: () => failure(401, "rest_not_logged_in", "You are not currently logged in."),
	},
	{
		methods: READS,
		path: /^\/wc\/v3\/system_status$/,
		name: "system_status",
		allow: "GET",
		permission: "list",
		run: (shop) => ({ status: 200, body: systemStatus(shop) }),
	},
	{
		methods: READS,
		path: /^\/wc\/v3\/settings\/(?:general|products)$/,
		name: "settings/{group}",
		allow: "GET",
		permission: "list",
		run: (shop, call) =>
			settings(call.path.endsWith("general") ? GENERAL : PRODUCTS, shop, call.path.endsWith("general") ? "general" : "products"),
	},
];

/** `GET /wc/v3`: every route with its methods and arguments, without a key. */
export function namespaceIndex(routes: readonly Route[]): Route {
	const list = routes.filter((route) => route.path.source.startsWith("^\\/wc\\/v3"));
	return {
		methods: READS,
		path: /^\/wc\/v3$/,
		name: "wc/v3",
		allow: "GET",
		permission: "public",
		run: (shop) => ({
			status: 200,
			body: {
				namespace: "wc/v3",
				routes: Object.fromEntries(
					[...new Set(list.map((route) => route.path.source))].map((source) => {
						const same = list.filter((route) => route.path.source === source);
						const endpoints = same.map(({ methods, args, bodyArgs }) => ({
							methods: methods.filter((m) => m !== "HEAD"),
							args: { ...args, ...bodyArgs },
						}));
						const pattern = source
							.replaceAll("\\/", "/")
							.replaceAll("(\\d+)", "(?P<id>[\\d]+)")
							.replace(/^\^|\$$/g, "");
						return [pattern, { namespace: "wc/v3", methods: [...new Set(endpoints.flatMap((e) => e.methods))], endpoints }];
					}),
				),
				_links: { up: [{ href: `${shop.url}/wp-json/` }] },
			},
		}),
	};
}

const NAMESPACES =
	"oembed/1.0 wc/v3 wc/v1 wc/pos/v1/catalog jetpack/v4 wc-admin wc-analytics wc/store wc/store/v1 wc/private wc/v2 wc-admin-email wc-telemetry wccom-site/v3 wp-abilities/v1 wp/v2 wp-site-health/v1 wp-block-editor/v1".split(
		" ",
	);

const siteIndex = (shop: Shop) => ({
	name: shop.name,
	description: "",
	url: shop.url,
	home: shop.url,
	gmt_offset: shop.time.offsetHours(),
	timezone_string: shop.timezone,
	namespaces: NAMESPACES,
	authentication: { "application-passwords": { endpoints: { authorization: `${shop.url}/wp-admin/authorize-application.php` } } },
});

const terms = (names: string) => Object.fromEntries(names.split(" ").map((name) => [name, name]));

function storeId(shop: Shop) {
	const hex = md5(shop.host);
	return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const systemStatus = (shop: Shop) => ({
	environment: {
		home_url: shop.url,
		site_url: shop.url,
		store_id: storeId(shop),
		version: WOOCOMMERCE_VERSION,
		log_directory: "/var/www/html/wp-content/uploads/wc-logs/",
		log_directory_writable: true,
		wp_version: "7.1",
		wp_multisite: false,
		wp_memory_limit: 536870912,
		wp_debug_mode: false,
		wp_cron: shop.settings.queue.kind === "traffic",
		wp_environment_type: "production",
		language: "en_US",
		external_object_cache: null,
		server_info: "PHP 8.2.35 Development Server",
		server_architecture: "Linux x86_64",
		php_version: "8.2.35",
		php_post_max_size: 8388608,
		php_max_execution_time: 300,
		php_max_input_vars: 1000,
		curl_version: "7.88.1, OpenSSL/3.0.19",
		suhosin_installed: false,
		max_upload_size: 2097152,
		mysql_version: "10.11.19",
		mysql_version_string: "10.11.19-MariaDB-0+deb12u1",
		default_timezone: "UTC",
		fsockopen_or_curl_enabled: true,
		soapclient_enabled: false,
		domdocument_enabled: true,
		gzip_enabled: true,
		mbstring_enabled: true,
		remote_post_successful: false,
		remote_post_response: "",
		remote_get_successful: false,
		remote_get_response: "",
	},
	database: { wc_database_version: WOOCOMMERCE_VERSION },
	active_plugins: [
		{
			plugin: "woocommerce/woocommerce.php",
			name: "WooCommerce",
			version: WOOCOMMERCE_VERSION,
			version_latest: WOOCOMMERCE_VERSION,
			url: "https://woocommerce.com/",
			author_name: "Automattic",
			author_url: "https://woocommerce.com",
			network_activated: false,
		},
	],
	settings: {
		api_enabled: false,
		force_ssl: false,
		currency: "USD",
		currency_symbol: "&#36;",
		currency_position: "left",
		thousand_separator: ",",
		decimal_separator: ".",
		number_of_decimals: 2,
		geolocation_enabled: false,
		taxonomies: terms("external grouped simple variable"),
		product_visibility_terms: terms("exclude-from-catalog exclude-from-search featured outofstock rated-1 rated-2 rated-3 rated-4 rated-5"),
		woocommerce_com_connected: "no",
		enforce_approved_download_dirs: true,
		order_datastore: "Automattic\\WooCommerce\\Internal\\DataStores\\Orders\\OrdersTableDataStore",
		HPOS_enabled: true,
		HPOS_sync_enabled: false,
		enabled_features:
			"analytics marketplace order_attribution site_visibility_badge remote_logging blueprint point_of_sale push_notifications custom_order_tables".split(
				" ",
			),
	},
});

type Setting = readonly [id: string, value: string];
const GENERAL: readonly Setting[] = [
	["woocommerce_store_address", "1 Example Street"],
	["woocommerce_store_address_2", ""],
	["woocommerce_store_city", ""],
	["woocommerce_default_country", "US:NY"],
	["woocommerce_store_postcode", ""],
	["woocommerce_allowed_countries", "all"],
	["woocommerce_all_except_countries", ""],
	["woocommerce_specific_allowed_countries", ""],
	["woocommerce_ship_to_countries", ""],
	["woocommerce_specific_ship_to_countries", ""],
	["woocommerce_default_customer_address", "base"],
	["woocommerce_address_autocomplete_enabled", "no"],
	["woocommerce_calc_taxes", "no"],
	["woocommerce_enable_coupons", "yes"],
	["woocommerce_calc_discounts_sequentially", "no"],
	["woocommerce_currency", "USD"],
	["woocommerce_currency_pos", "left"],
	["woocommerce_price_thousand_sep", ","],
	["woocommerce_price_decimal_sep", "."],
	["woocommerce_price_num_decimals", "2"],
];
const PRODUCTS: readonly Setting[] = [
	["woocommerce_shop_page_id", "5"],
	["woocommerce_cart_redirect_after_add", "no"],
	["woocommerce_enable_ajax_add_to_cart", "yes"],
	["woocommerce_placeholder_image", "4"],
	["woocommerce_weight_unit", "lbs"],
	["woocommerce_dimension_unit", "in"],
	["woocommerce_enable_reviews", "yes"],
	["woocommerce_review_rating_verification_label", "yes"],
	["woocommerce_review_rating_verification_required", "no"],
	["woocommerce_enable_review_rating", "yes"],
	["woocommerce_review_rating_required", "yes"],
	["woocommerce_manage_stock", "yes"],
	["woocommerce_hold_stock_minutes", "60"],
	["woocommerce_notify_low_stock", "yes"],
	["woocommerce_notify_no_stock", "yes"],
	["woocommerce_notify_backorder", "yes"],
	["woocommerce_stock_email_recipient", "a@example.com"],
	["woocommerce_notify_low_stock_amount", "2"],
	["woocommerce_notify_no_stock_amount", "0"],
	["woocommerce_hide_out_of_stock_items", "no"],
	["woocommerce_stock_format", ""],
	["woocommerce_file_download_method", "force"],
	["woocommerce_downloads_redirect_fallback_allowed", "no"],
	["woocommerce_downloads_require_login", "no"],
	["woocommerce_downloads_grant_access_after_payment", "yes"],
	["woocommerce_downloads_deliver_inline", ""],
	["woocommerce_downloads_add_hash_to_filename", "yes"],
	["woocommerce_downloads_count_partial", "yes"],
	["woocommerce_attribute_lookup_enabled", "no"],
	["woocommerce_attribute_lookup_direct_updates", "no"],
	["woocommerce_attribute_lookup_optimized_updates", "no"],
	["woocommerce_product_match_featured_image_by_sku", "no"],
];

function settings(list: readonly Setting[], shop: Shop, group: string): Answer {
	const href = `${shop.url}/wp-json/wc/v3/settings/${group}`;
	return {
		status: 200,
		body: list.map(([id, value]) => ({
			id,
			value,
			default: "",
			label: "",
			description: "",
			type: "text",
			_links: { self: [{ href: `${href}/${id}` }], collection: [{ href }] },
		})),
	};
}
