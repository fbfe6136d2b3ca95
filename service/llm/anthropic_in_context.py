"""Anthropic's models with the context window that the operator gives them (extra `anthropic`)."""

from __future__ import annotations

from llama_index.core.base.llms.types import LLMMetadata
from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.llms.anthropic import Anthropic


class AnthropicInContext(Anthropic):
    """`context_tokens` is the window: LlamaIndex's own table raises for models it does not know."""

    _context_tokens: int = PrivateAttr()

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        api_key: str,
        context_tokens: int,
        reply_tokens: int,
        timeout_s: float,
    ) -> None:
        super().__init__(
            model,
            temperature=0.0,
            max_tokens=reply_tokens,
            base_url=base_url,
            timeout=timeout_s,
            max_retries=0,
            api_key=api_key,
        )
        self._context_tokens = context_tokens

    @property
    def metadata(self) -> LLMMetadata:
        """The model's name and limits."""
        return LLMMetadata(
            context_window=self._context_tokens,
            num_output=self.max_tokens,
            is_chat_model=True,
            model_name=self.model,
        )
