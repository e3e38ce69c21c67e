import type { BannerHandles } from "@shopify/polaris";
import { useEffect, useRef } from "react";

/** For the banner above a form that says why it was refused: whoever pressed further down, on a phone say, is brought to it. */
export function useProblem(isShown: boolean) {
	const banner = useRef<BannerHandles>(null);
	useEffect(() => {
		if (isShown) banner.current?.focus();
	}, [isShown]);
	return banner;
}
