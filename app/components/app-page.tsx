import { useNavigate } from "@remix-run/react";
import { Page, Text } from "@shopify/polaris";
import type { ReactNode } from "react";

type AppPageProps = {
	title: string;
	/** For pages below another one: where the arrow leads. */
	back?: { content: string; url: string };
	subtitle?: string;
	/** Beside the title, on pages below another one. */
	badge?: ReactNode;
	/** `<button>`s for the admin's title bar. */
	actions?: ReactNode;
	fullWidth?: boolean;
	children: ReactNode;
};

/** Every page's frame: the title in the admin's own bar; pages below another one say it once more inside, with the way back. */
export function AppPage({ title, back, subtitle, badge, actions, fullWidth = false, children }: AppPageProps) {
	const navigate = useNavigate();
	const inside = back
		? {
				title,
				titleMetadata: badge,
				backAction: { content: back.content, onAction: () => navigate(back.url) },
				...(subtitle ? { subtitle } : {}),
			}
		: {};
	return (
		<Page fullWidth={fullWidth} {...inside}>
			<ui-title-bar title={title}>{actions}</ui-title-bar>
			{!back && (
				<Text as="h1" variant="headingLg" visuallyHidden>
					{title}
				</Text>
			)}
			{children}
		</Page>
	);
}
