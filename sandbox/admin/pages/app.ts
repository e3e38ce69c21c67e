import { html } from "../html.ts";

type Frame = { src: string; root: string; publicOrigin: string; app: { name: string; handle: string } };

/** The app in its frame, and around it what the admin shows for it. The frame's address is set by frame.js, once it listens. */
export const appPage = ({ src, root, publicOrigin, app }: Frame) => html`
<section class="app-card">
	<div class="app-bar">
		<span class="app-icon" aria-hidden="true">L</span>
		<span class="app-name">${app.name}</span>
		<span class="app-title" id="app-title"></span>
		<span class="app-actions" id="app-actions"></span>
	</div>
	<div class="save-bar" id="save-bar" hidden></div>
	<div class="loading" id="loading"></div>
	<iframe id="app-frame" name="app-iframe" title="${app.name}" data-src="${src}"></iframe>
</section>
<div data-frame-settings hidden data-root="${root}" data-handle="${app.handle}" data-name="${app.name}"
	data-token-url="${root}/session-token" data-user-url="${root}/staff" data-public-origin="${publicOrigin}"></div>
<script src="/admin-assets/frame.js"></script>`;
