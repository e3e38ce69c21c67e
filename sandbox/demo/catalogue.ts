import type { Random } from "../random.ts";

/** What the demo's shop sells: a tea and kitchen shop with 500 SKUs, of which some are bundles of others. */
export type DemoProduct = { sku: string; title: string; barcode: string; price: string; stock: readonly number[] };
export type DemoBundle = { sku: string; title: string; price: string; components: readonly { sku: string; quantity: number }[] };

const TEAS = [
	"Assam",
	"Darjeeling",
	"Ceylon",
	"Earl Grey",
	"Sencha",
	"Genmaicha",
	"Matcha",
	"Oolong",
	"Jasmine",
	"Rooibos",
	"Peppermint",
	"Chamomile",
	"Pu-erh",
	"White Peony",
	"Lapsang Souchong",
	"Chai",
	"Hojicha",
	"Keemun",
	"Nilgiri",
	"Yerba Mate",
];
const SIZES = ["50 g", "100 g", "250 g", "500 g", "1 kg"];
const WARES = ["Teapot", "Tea Cup", "Mug", "Infuser", "Tin", "Tray", "Kettle", "Whisk", "Strainer", "Bowl"];
const FINISHES = ["Oak", "Slate", "Ivory", "Sage", "Copper", "Indigo", "Rose", "Charcoal", "Sand", "Moss"];
const MAKERS = ["Hagi", "Delft", "Arita", "Yixing"];

export function demoCatalogue(random: Random): { products: DemoProduct[]; bundles: DemoBundle[] } {
	const products: DemoProduct[] = [];
	const add = (sku: string, title: string, price: number) => {
		const total = random.between(40, 240);
		const second = random.chance(0.4) ? Math.floor(total / 3) : 0;
		products.push({
			sku,
			title,
			barcode: `50600${String(10_000_000 + products.length * 7).padStart(8, "0")}`,
			price: price.toFixed(2),
			stock: [total - second, second],
		});
	};
	for (const [t, tea] of TEAS.entries()) {
		for (const [s, size] of SIZES.entries())
			add(
				`TEA-${String(t + 1).padStart(2, "0")}-${size.replace(" ", "").toUpperCase()}`,
				`${tea} Loose Leaf, ${size}`,
				4 + s * 6 + (t % 5),
			);
	}
	for (const [w, ware] of WARES.entries()) {
		for (const finish of FINISHES) {
			for (const maker of MAKERS) {
				if (products.length >= 488) break;
				add(
					`${ware.replaceAll(" ", "").slice(0, 4).toUpperCase()}-${finish.slice(0, 3).toUpperCase()}-${maker.slice(0, 2).toUpperCase()}`,
					`${maker} ${ware}, ${finish}`,
					9 + w * 3,
				);
			}
		}
	}
	const bundles: DemoBundle[] = [];
	for (let n = 0; n < 12; n++) {
		const [a, b] = [products[n * 5 + 1] as DemoProduct, products[n * 5 + 2] as DemoProduct];
		const pot = products[110 + n * 9] as DemoProduct;
		const components =
			n % 3 === 0
				? [{ sku: a.sku, quantity: 3 }]
				: [
						{ sku: a.sku, quantity: 1 },
						{ sku: b.sku, quantity: 1 },
						{ sku: pot.sku, quantity: n % 2 === 0 ? 1 : 2 },
					];
		bundles.push({
			sku: `SET-${String(n + 1).padStart(2, "0")}`,
			title: n % 3 === 0 ? `Three-Pack: ${a.title}` : `Gift Set: ${a.title.split(",")[0]} with ${pot.title}`,
			price: (24 + n).toFixed(2),
			components,
		});
	}
	return { products, bundles };
}
