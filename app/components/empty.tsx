import { BlockStack, Box, Button, Icon, type IconProps, Text } from "@shopify/polaris";
import type { ReactNode } from "react";

type EmptyProps = {
	icon: IconProps["source"];
	heading: string;
	children: ReactNode;
	action?: { content: string; url: string };
};

/** Nothing here yet, and what to do about it. Polaris' own waits for a picture and moves the page when it comes. */
export function Empty({ icon, heading, children, action }: EmptyProps) {
	return (
		<Box padding="1600">
			<BlockStack gap="300" inlineAlign="center">
				<Box background="bg-surface-secondary" borderRadius="full" padding="400">
					<Icon source={icon} tone="subdued" />
				</Box>
				<Text as="h2" variant="headingMd" alignment="center">
					{heading}
				</Text>
				<Box maxWidth="420px">
					<BlockStack gap="200">
						{typeof children === "string" ? (
							<Text as="p" tone="subdued" alignment="center">
								{children}
							</Text>
						) : (
							children
						)}
					</BlockStack>
				</Box>
				{action && (
					<Button variant="primary" url={action.url}>
						{action.content}
					</Button>
				)}
			</BlockStack>
		</Box>
	);
}
